import type { Case } from "./cases.ts";
import type { CaseContext } from "./export_cases.ts";
import type { Writer } from "./writers.ts";

/** Second runs of the writers that know what has changed, each into a directory of its own below `home`. */
export function againCases(context: CaseContext, writers: readonly Writer[], home: string): Case[] {
  return writers.filter(({ isIncremental }) => isIncremental).flatMap((writer) => againCasesOf(context, writer, home));
}

function againCasesOf({ server, rows }: CaseContext, writer: Writer, home: string): Case[] {
  const lane = `${home}/${writer.id}`;
  const catchUp = async () => {
    await Deno.mkdir(lane, { recursive: true });
    await writer.write(lane);
  };
  const part = "again";
  const against = ["floor", writer.id];
  return [
    {
      id: `${writer.id}-no-op`,
      name: `${writer.name}, nothing changed`,
      part,
      against,
      prepare: catchUp,
      async run() {
        const sample = await writer.write(lane);
        if (sample.rows > 0) throw new Error(`Nothing was to be written, not ${sample.rows} rows`);
        return sample;
      },
    },
    {
      id: `${writer.id}-one-row`,
      name: `${writer.name}, one row of one day changed`,
      part,
      against,
      async prepare() {
        await catchUp();
        await server.query(`update checks set was_cached = not was_cached
          where id = (select id from checks order by created_at limit 1 offset ${Math.floor(rows / 2)})`);
      },
      async run() {
        const sample = await writer.write(lane);
        if (sample.rows === 0 || sample.rows === rows) {
          throw new Error(`The changed day alone was to be written, not ${sample.rows} rows`);
        }
        return sample;
      },
    },
  ];
}
