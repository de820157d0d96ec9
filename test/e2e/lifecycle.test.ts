import { test } from "node:test";
import { lifecycle } from "./lifecycle";

test("the whole life of a stack", (t) => lifecycle(t));
