package local

import (
	"slices"
	"strings"
	"testing"
)

func TestEachLineIsLoggedAsSoonAsItIsWhole(t *testing.T) {
	var logged []string
	lines := lineWriter{log: func(line string) { logged = append(logged, line) }}
	for _, step := range []struct {
		text string
		want []string
	}{
		{"fir", nil},
		{"st\nsecond\nth", []string{"first", "second"}},
		{"ird", []string{"first", "second"}},
	} {
		if _, err := lines.Write([]byte(step.text)); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(logged, step.want) {
			t.Errorf("after %q logged is %q, want %q", step.text, logged, step.want)
		}
	}
	lines.flush()
	if want := []string{"first", "second", "third"}; !slices.Equal(logged, want) {
		t.Errorf("at the end logged is %q, want %q", logged, want)
	}
}

func TestALineWithoutEndIsLoggedInPieces(t *testing.T) {
	var logged []string
	lines := lineWriter{log: func(line string) { logged = append(logged, line) }}
	long := strings.Repeat("x", maxLogLine)
	if _, err := lines.Write([]byte(long)); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(logged, []string{long}) {
		t.Errorf("%d lines were logged", len(logged))
	}
}

func TestLoggingSaysWhichOutputIsShown(t *testing.T) {
	of := func(l Logging) *Logging { return &l }
	for _, test := range []struct {
		logging        *Logging
		stdout, stderr bool
	}{
		{nil, true, true},
		{of(logStdoutAndStderr), true, true},
		{of(logStdout), true, false},
		{of(logStderr), false, true},
		{of(logNone), false, false},
	} {
		if test.logging.shows(logStdout) != test.stdout || test.logging.shows(logStderr) != test.stderr {
			t.Errorf("%v", test)
		}
	}
}
