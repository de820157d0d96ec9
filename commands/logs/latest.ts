/** What is held of the latest items: of long lines fewer than were asked for. */
const MOST_CHARACTERS = 64 * 1024 * 1024;

/** The latest of many items, as many as are asked for. */
export class Latest<Item extends { text: string }> {
  private readonly items: (Item | undefined)[] = [];
  private first = 0;
  private characters = 0;

  constructor(private readonly count: number) {}

  add(item: Item): void {
    this.items.push(item);
    this.characters += item.text.length;
    while (this.items.length - this.first > this.count || this.characters > MOST_CHARACTERS) this.drop();
  }

  /** Returns them, the oldest first. */
  all(): Item[] {
    return this.items.slice(this.first) as Item[];
  }

  private drop(): void {
    this.characters -= this.items[this.first]?.text.length ?? 0;
    this.items[this.first] = undefined;
    this.first += 1;
    if (this.first <= this.count) return;
    this.items.splice(0, this.first);
    this.first = 0;
  }
}
