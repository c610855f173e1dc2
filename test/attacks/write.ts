/** `npm run attacks`: writes the corpus files that are made, after a change to what makes them. */
import { writeMadeFiles } from './make.ts';

console.log(`${await writeMadeFiles('test/attacks')} files written to test/attacks.`);
