import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { earlierThan, nextSessions, type SessionOrder, sessionsFile } from "../../cutover/sessions";
import { COLORS, type Color, other } from "../../stacks/service/color";
import type { Sessions } from "../../stacks/service/serving";
import { Maps } from "../stacks/proxy/nginxMaps";

const NOW = 1_800_000_000;

/** Words that tell in which order they were made. */
const words = () => {
  let count = 0;
  return () => `word-${String(++count).padStart(4, "0")}`;
};

/** Blue stays live, nothing sticks, no canary, unless told otherwise. */
const order = (change: Partial<SessionOrder> = {}): SessionOrder => ({
  ...{ active: "blue", before: "blue", stickySeconds: undefined, canary: false, retire: undefined, now: NOW },
  ...change,
});

const next = (known: Sessions | undefined, change: Partial<SessionOrder> = {}, newWord = words()) =>
  nextSessions(known, order(change), newWord);

const B = { word: "blue-word" };

const G = { word: "green-word" };

const over = (word: string) => ({ word, until: 0 });

const FIRST = { word: "word-0001" };

describe("sessions", () => {
  test("a number is matched exactly where it is below: all numbers of as many digits", () => {
    const digits = (count: number) => fc.integer({ min: 10 ** (count - 1), max: 10 ** count - 1 });
    const close = fc.integer({ min: -12, max: 12 });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10 }).chain((count) => fc.tuple(digits(count), digits(count))),
        close,
        ([limit, any], distance) => {
          const pattern = new RegExp(`^(?:${earlierThan(limit)})[.]`);
          for (const number of [any, limit + distance, limit]) {
            if (String(number).length !== String(limit).length || number < 0) continue;
            assert.equal(pattern.test(`${number}.999`), number < limit, `${number} < ${limit}`);
          }
        },
      ),
      { numRuns: 3000 },
    );
  });

  test("what is no time matches no time, and nothing is matched without its dot", () => {
    const pattern = new RegExp(`^(?:${earlierThan(NOW)})[.]`);
    for (const text of [
      "",
      ".",
      "1799999999",
      "17999999990.1",
      "179999999.9",
      "x1799999999.1",
      " 1799999999.1",
      "-1.0",
    ]) {
      assert.equal(pattern.test(text), false, text);
    }
    assert.equal(pattern.test("1799999999.999"), true);
  });

  test("the first run gives each color a word, of which the idle one's means nothing", () => {
    for (const active of COLORS) {
      assert.deepEqual(next(undefined, { active, before: undefined }), {
        [active]: { word: "word-0001" },
        [other(active)]: over("word-0002"),
      });
      assert.deepEqual(next(undefined, { active, before: active }), next(undefined, { active, before: undefined }));
    }
  });

  test("a run that changes nothing changes no word", () => {
    const none = { blue: B, green: over("old") };
    const held = { blue: B, green: { word: "green-word", until: NOW + 60 } };
    const canary = { blue: B, green: G };
    assert.deepEqual(next(none), none);
    assert.deepEqual(next(none, { stickySeconds: 3600 }), none);
    assert.deepEqual(next(held, { stickySeconds: 3600 }), held);
    assert.deepEqual(next(canary, { canary: true }), canary);
    assert.deepEqual(next(canary, { canary: true, stickySeconds: 3600 }), canary, "nor one that raises the canary");
  });

  test("a switch gives the new color a new word; sessions of the one that is left stay for their time", () => {
    const before = { blue: B, green: over("old") };
    const sticky = { active: "green", before: "blue", stickySeconds: 3600 } as const;
    assert.deepEqual(next(before, sticky), { green: FIRST, blue: { word: "blue-word", until: NOW + 3600 } });
  });

  test("a switch without stickiness ends all sessions of the color that is left", () => {
    const before = { blue: B, green: over("old") };
    assert.deepEqual(next(before, { active: "green", before: "blue" }), {
      green: { word: "word-0001" },
      blue: over("word-0002"),
    });
  });

  test("the way back is a switch like any other: the word of the color's earlier time does not come back", () => {
    const newWord = words();
    const sticky = { stickySeconds: 3600 } as const;
    const first = next(undefined, { before: undefined, ...sticky }, newWord);
    const there = next(first, { active: "green", before: "blue", ...sticky }, newWord);
    const back = next(there, { active: "blue", before: "green", ...sticky }, newWord);
    assert.notEqual(back.blue.word, first.blue.word);
    assert.deepEqual(back, { blue: { word: "word-0004" }, green: { word: there.green.word, until: NOW + 3600 } });
  });

  test("a time that is over stays over, and a switch does not prolong what was over", () => {
    const known = { blue: { word: "blue-word", until: NOW - 1 }, green: G };
    const stays = { active: "green", before: "green", stickySeconds: 3600 } as const;
    assert.deepEqual(next(known, stays), known);
    // Both have words with an end, as after a hand's work: nobody's session is begun again by it.
    const odd = { blue: { word: "blue-word", until: NOW - 1 }, green: { word: "green-word", until: NOW - 1 } };
    const { blue } = next(odd, { active: "green", before: "blue", stickySeconds: 3600 });
    assert.ok((blue.until ?? Number.POSITIVE_INFINITY) <= NOW);
  });

  test("a canary begins with a new word, keeps it while it is raised or lowered, and its end ends it", () => {
    const none = { blue: B, green: over("old") };
    const begun = next(none, { canary: true });
    assert.deepEqual(begun, { blue: B, green: FIRST });
    assert.deepEqual(next(begun, { canary: true }), begun);
    for (const stickySeconds of [undefined, 3600]) {
      const ended = next(begun, { stickySeconds }, () => "another");
      assert.deepEqual(ended, { blue: B, green: over("another") });
    }
    // Sessions of the color's earlier time are none of the canary's.
    const held = { blue: B, green: { word: "green-word", until: NOW + 60 } };
    assert.deepEqual(next(held, { canary: true, stickySeconds: 3600 }), { blue: B, green: FIRST });
  });

  test("a switch to the canary's color keeps its visitors' sessions, and stickiness holds the others", () => {
    const canary = { blue: B, green: G };
    assert.deepEqual(next(canary, { active: "green", before: "blue" }), { green: G, blue: over("word-0001") });
    assert.deepEqual(next(canary, { active: "green", before: "blue", stickySeconds: 60 }), {
      ...{ green: G, blue: { word: "blue-word", until: NOW + 60 } },
    });
  });

  test("a color that is retired loses its sessions at once, whether held or a canary's; the live one never does", () => {
    for (const green of [G, { word: "green-word", until: NOW + 60 }]) {
      const retired = next({ blue: B, green }, { retire: "green", stickySeconds: 3600 });
      assert.deepEqual(retired, { blue: B, green: over("word-0001") });
      assert.deepEqual(
        next(retired, { retire: "green", stickySeconds: 3600 }, () => "no"),
        retired,
        "once",
      );
      const known = { blue: B, green };
      assert.deepEqual(next(known, { retire: "blue", stickySeconds: 3600 }).blue, B);
    }
  });

  test("a run that was killed between its record and its move is gone on from, there or back", () => {
    // The record of a switch to green was written, and blue serves still.
    const written = { green: G, blue: { word: "blue-word", until: NOW - 10 + 3600 } };
    const again = next(written, { active: "green", before: "blue", stickySeconds: 3600 });
    assert.deepEqual(again, { green: G, blue: { word: "blue-word", until: NOW + 3600 } });
    const stays = next(written, { active: "blue", before: "blue", stickySeconds: 3600 });
    assert.deepEqual(stays, { blue: { word: "word-0001" }, green: over("word-0002") }, "nobody is on green");
    // It was moved: the next run watches it to its end, and what holds goes on holding.
    assert.deepEqual(next(written, { active: "green", before: "green", stickySeconds: 3600 }), written);
  });

  test("whatever runs follow one another: two words, none of two colors, none twice, and the live one's has no end", () => {
    const step = fc.record({
      switches: fc.boolean(),
      stickySeconds: fc.constantFrom(undefined, 60, 3600),
      canary: fc.boolean(),
      retire: fc.constantFrom<(Color | undefined)[]>(undefined, undefined, undefined, "blue", "green"),
      seconds: fc.integer({ min: 0, max: 5000 }),
      // Killed before the public was moved: recorded or not, the color is what it was.
      killed: fc.constantFrom(undefined, undefined, undefined, "recorded", "forgotten"),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 14 }), (steps) => {
        const newWord = words();
        const colorOf = new Map<string, Color>();
        /** Words that meant their color once and were given up. */
        const gone = new Set<string>();
        let now = NOW;
        let live: Color | undefined;
        let known: Sessions | undefined;
        for (const { switches, killed, seconds, ...rest } of steps) {
          now += seconds;
          const active: Color = live === undefined ? "blue" : switches ? other(live) : live;
          const sessions = nextSessions(known, { active, before: live, now, ...rest }, newWord);
          assert.deepEqual(Object.keys(sessions).sort(), ["blue", "green"]);
          assert.equal(sessions[active].until, undefined, "who comes to the live color may stay there");
          assert.notEqual(sessions.blue.word, sessions.green.word);
          for (const color of COLORS) {
            const { word, until } = sessions[color];
            assert.equal(colorOf.get(word) ?? color, color, `${word} meant another color`);
            colorOf.set(word, color);
            assert.ok(!gone.has(word), `${word} came back`);
            assert.ok(until === undefined || until === 0 || (until <= now + 3600 && until > NOW - 1), String(until));
          }
          const idle = sessions[other(active)];
          if (rest.retire === other(active)) assert.equal(idle.until, 0);
          else if (rest.canary) assert.equal(idle.until, undefined);
          else assert.ok(idle.until !== undefined, "without a canary the idle color's sessions end");
          for (const color of COLORS) {
            const old = known?.[color].word;
            if (old !== undefined && old !== sessions[color].word && killed !== "forgotten") gone.add(old);
          }
          if (killed !== "forgotten") known = sessions;
          if (killed === undefined) live = active;
        }
      }),
      { numRuns: 2000 },
    );
  });

  test("nginx reads a word as its color, a held one until its end, and anything else as nothing", () => {
    const sessions = { blue: { word: "blue-word_-A", until: NOW }, green: { word: "green-word_-B" } };
    const maps = new Maps(sessionsFile(sessions), "map x $answered { default green; }");
    const session = (value: string | undefined, now = NOW - 1) =>
      maps.value("session", {
        now,
        headers: value === undefined ? {} : { cookie: `a=1; blue_green_session=${value}; b=2` },
      });
    assert.deepEqual(
      [session("green-word_-B"), session("blue-word_-A"), session("blue-word_-A", NOW)],
      ["green", "blue", ""],
    );
    for (const invented of [
      ...[undefined, "", "blue", "green", "$active", "$blue_held", "green-word_-b", "green-word_-BB", "xgreen-word_-B"],
      ...[
        "green-word_-B ",
        " ",
        ".*",
        "green-word_-B\n",
        "~^green",
        "default",
        "blue_or_active",
        "127.0.0.1:8082",
        "é".repeat(500),
      ],
    ]) {
      // A space before it is the header's, and one behind it belongs to the value.
      assert.equal(session(invented), "", JSON.stringify(invented));
    }
    assert.equal(maps.value("session_word", {}), "green-word_-B");
  });

  test("the file is one that a person can read", () => {
    const until = Date.parse("2027-01-15T08:00:00Z") / 1000;
    assert.equal(
      sessionsFile({ blue: { word: "aaaaaaaaaaaaaaaa" }, green: { word: "bbbbbbbbbbbbbbbb", until } }),
      `# Written by the cutover: which word in a visitor's cookie means which color, and until when.
# green until 2027-01-15T08:00:00.000Z.
map $msec $green_held {
    default "";
    "~^(?:[0-0][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]|1[0-7][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9])[.]" green;
}
map $cookie_blue_green_session $session {
    default "";
    "~^aaaaaaaaaaaaaaaa$" blue;
    "~^bbbbbbbbbbbbbbbb$" $green_held;
}
map $answered $session_word {
    blue aaaaaaaaaaaaaaaa;
    green bbbbbbbbbbbbbbbb;
}
`,
    );
    assert.equal(
      sessionsFile({ blue: { word: "aaaaaaaaaaaaaaaa", until: 0 }, green: { word: "bbbbbbbbbbbbbbbb" } }),
      `# Written by the cutover: which word in a visitor's cookie means which color, and until when.
# blue has no visitors of its own.
map $msec $blue_held {
    default "";
}
map $cookie_blue_green_session $session {
    default "";
    "~^aaaaaaaaaaaaaaaa$" $blue_held;
    "~^bbbbbbbbbbbbbbbb$" green;
}
map $answered $session_word {
    blue aaaaaaaaaaaaaaaa;
    green bbbbbbbbbbbbbbbb;
}
`,
    );
  });
});
