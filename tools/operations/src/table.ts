const GAP = '  ';

/** Columns of equal width; numbers stand to the right. The last column may be as long as it likes. */
export function toTable(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const widths = head.map((title, at) =>
    Math.max(title.length, ...rows.map((row) => String(row[at]).length)),
  );
  const line = (cells: readonly (string | number)[]): string =>
    cells
      .map((cell, at) => {
        if (typeof cell === 'number') return String(cell).padStart(widths[at]!);
        return at === head.length - 1 ? cell : cell.padEnd(widths[at]!);
      })
      .join(GAP)
      .trimEnd();
  return [line(head), ...rows.map(line)].join('\n');
}
