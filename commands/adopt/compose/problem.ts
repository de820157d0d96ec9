import { Refusal } from "../../outcome";
import { ComposeError, pathTo } from "../rules";

/** Ends a command at something that a compose file says. Nothing was written by then. */
export function unfit(file: string, { message, place: [first, ...rest] }: ComposeError): Refusal {
  const where = first === undefined ? file : `${file}: ${pathTo(String(first), ...rest)}`;
  return new Refusal(`${where}${message.startsWith("line ") ? "," : ""} ${message}. Nothing was written`);
}

/**
 * Reads something of a file.
 *
 * @throws Refusal with the file's name and the place in it.
 */
export function ofFile<Value>(file: string, read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    throw error instanceof ComposeError ? unfit(file, error) : error;
  }
}
