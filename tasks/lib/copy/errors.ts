/** A COPY stream that breaks its own format. */
export class CopyFormatError extends Error {
  /** Always the name of the class. */
  override readonly name = "CopyFormatError";
}

/** A value that its column's type in the file cannot hold. The value itself is not told. */
export class CopyValueError extends Error {
  /** Always the name of the class. */
  override readonly name = "CopyValueError";
  /** Name of the column. */
  readonly column: string;
  /** Row in its batch, from 0. */
  readonly row: number;
  /** The whole row. */
  readonly tuple: Uint8Array;

  /** The error of one value of one row. */
  constructor(column: string, row: number, tuple: Uint8Array, finding: string) {
    super(finding);
    this.column = column;
    this.row = row;
    this.tuple = tuple;
  }
}
