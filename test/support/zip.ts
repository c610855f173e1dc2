import { text } from 'node:stream/consumers';
import yauzl from 'yauzl';

/** The texts of a zip archive by name, read by another library than wrote it. */
export async function textsOfZip(archive: Buffer): Promise<Map<string, string>> {
  const zip = await yauzl.fromBufferPromise(archive, {});
  const texts = new Map<string, string>();
  for await (const entry of zip.eachEntry())
    texts.set(entry.fileName, await text(await zip.openReadStreamPromise(entry)));
  return texts;
}
