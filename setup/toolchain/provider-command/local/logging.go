package local

import "github.com/pulumi/pulumi-go-provider/infer"

// Logging says which of a command's outputs are shown while it runs.
type Logging string

const (
	logStdout          Logging = "stdout"
	logStderr          Logging = "stderr"
	logStdoutAndStderr Logging = "stdoutAndStderr"
	logNone            Logging = "none"
)

func (Logging) Values() []infer.EnumValue[Logging] {
	return []infer.EnumValue[Logging]{
		{Name: "Stdout", Value: logStdout},
		{Name: "Stderr", Value: logStderr},
		{Name: "StdoutAndStderr", Value: logStdoutAndStderr},
		{Name: "None", Value: logNone},
	}
}

// shows says whether one output is shown. Both are, unless something else is asked for.
func (l *Logging) shows(output Logging) bool {
	return l == nil || *l == output || *l == logStdoutAndStderr
}
