/**
 * The opcodes that are obeyed: those of PyTorch's own weights-only unpickler (`torch/_weights_only_unpickler.py`), with
 * pickle's meaning (`Lib/pickletools.py`). EMPTY_SET is left out, because no opcode of the list could fill a set. An
 * opcode that is not in this table does not exist; the names it may resolve are in globals.ts.
 */
import { MAX_NAME_LENGTH, MAX_PICKLE_LONG_BYTES } from '../../limits.ts';
import { SAVE_AGAIN } from './faults.ts';
import { buildObject, callGlobal, makeObject, resolveGlobal } from './globals.ts';
import type { Machine } from './machine.ts';
import { describeValue, type PickleKey, type PickleValue } from './values.ts';

/** Newest protocol of Python. Its number alone tells nothing: every opcode is looked up anyway. */
const NEWEST_PROTOCOL = 5;

const STOP = 0x2e;

const OPCODES: readonly (((machine: Machine) => void) | undefined)[] = table([
  ['PROTO', 0x80, protocol],
  ['GLOBAL', 0x63, (m) => m.push(resolveGlobal(m, m.line(MAX_NAME_LENGTH), m.line(MAX_NAME_LENGTH)))],
  ['NEWOBJ', 0x81, newObject],
  ['REDUCE', 0x52, reduce],
  ['BUILD', 0x62, build],
  ['BINPERSID', 0x51, persistentId],
  ['APPEND', 0x61, (m) => append(m, [m.pop()])],
  ['APPENDS', 0x65, (m) => append(m, m.popMark())],
  ['SETITEM', 0x73, (m) => setItem(m)],
  ['SETITEMS', 0x75, (m) => setItems(m, m.popMark())],
  ['MARK', 0x28, (m) => m.mark()],
  ['TUPLE', 0x74, (m) => pushTuple(m, m.popMark())],
  ['TUPLE1', 0x85, (m) => pushTuple(m, popMany(m, 1))],
  ['TUPLE2', 0x86, (m) => pushTuple(m, popMany(m, 2))],
  ['TUPLE3', 0x87, (m) => pushTuple(m, popMany(m, 3))],
  ['NONE', 0x4e, (m) => m.push(null)],
  ['NEWTRUE', 0x88, (m) => m.push(true)],
  ['NEWFALSE', 0x89, (m) => m.push(false)],
  ['EMPTY_TUPLE', 0x29, (m) => pushTuple(m, [])],
  ['EMPTY_LIST', 0x5d, (m) => m.pushList()],
  ['EMPTY_DICT', 0x7d, emptyDict],
  ['BININT', 0x4a, (m) => m.push(m.int32())],
  ['BININT1', 0x4b, (m) => m.push(m.uint8())],
  ['BININT2', 0x4d, (m) => m.push(m.uint16())],
  ['LONG1', 0x8a, long],
  ['BINFLOAT', 0x47, (m) => m.push(m.float64())],
  ['BINUNICODE', 0x58, (m) => m.push(m.text(m.uint32()))],
  ['SHORT_BINSTRING', 0x55, (m) => m.push(m.text(m.uint8()))],
  ['BINGET', 0x68, (m) => m.recall(m.uint8())],
  ['LONG_BINGET', 0x6a, (m) => m.recall(m.uint32())],
  ['BINPUT', 0x71, (m) => m.remember(m.uint8())],
  ['LONG_BINPUT', 0x72, (m) => m.remember(m.uint32())],
]);

/** Obeys opcodes up to the stop sign. Throws `bad-pickle`, `forbidden-pickle`, `over-limit` or `unsupported`. */
export function run(machine: Machine): PickleValue {
  for (;;) {
    const opcode = machine.uint8();
    if (opcode === STOP) return machine.finish();
    const obey = OPCODES[opcode];
    if (obey === undefined) {
      throw machine.fault('The pickle has an instruction that weights do not need. Nothing was executed.', {
        found: `opcode 0x${opcode.toString(16).padStart(2, '0')} at byte ${machine.at - 1}`,
        expected: 'what torch.save writes with its default pickle protocol, 2',
        advice: SAVE_AGAIN,
      });
    }
    obey(machine);
  }
}

function table(rows: [name: string, opcode: number, obey: (machine: Machine) => void][]) {
  const handlers = new Array<((machine: Machine) => void) | undefined>(256).fill(undefined);
  for (const [, opcode, obey] of rows) handlers[opcode] = obey;
  return handlers;
}

function protocol(machine: Machine): void {
  const version = machine.uint8();
  if (version <= NEWEST_PROTOCOL) return;
  throw machine.fault('The pickle has a protocol that does not exist.', {
    found: `protocol ${version}`,
    expected: `0 to ${NEWEST_PROTOCOL}`,
  });
}

function popMany(machine: Machine, count: number): PickleValue[] {
  const values = new Array<PickleValue>(count);
  for (let index = count - 1; index >= 0; index--) values[index] = machine.pop();
  return values;
}

function pushTuple(machine: Machine, items: PickleValue[]): void {
  machine.spendContainer(items.length);
  machine.push(items);
}

function emptyDict(machine: Machine): void {
  machine.spendContainer(0);
  machine.push(new Map());
}

function long(machine: Machine): void {
  const length = machine.uint8();
  if (length > MAX_PICKLE_LONG_BYTES) {
    throw machine.fault('A number of the pickle is too long.', {
      found: `${length} bytes`,
      expected: `at most ${MAX_PICKLE_LONG_BYTES}`,
    });
  }
  machine.push(machine.long(length));
}

function append(machine: Machine, items: PickleValue[]): void {
  const list = machine.topList();
  machine.spend(items.length);
  for (const item of items) list.push(item);
}

function setItem(machine: Machine): void {
  const value = machine.pop();
  const key = machine.pop();
  machine.setEntry(topDict(machine), key, value);
}

function setItems(machine: Machine, items: PickleValue[]): void {
  const dict = topDict(machine);
  if (items.length % 2 !== 0) throw machine.fault('A dict of the pickle has a key without a value.');
  for (let index = 0; index < items.length; index += 2) machine.setEntry(dict, items[index], items[index + 1]!);
}

function topDict(machine: Machine): Map<PickleKey, PickleValue> {
  const dict = machine.top();
  if (dict instanceof Map) return dict as Map<PickleKey, PickleValue>;
  throw machine.fault('The pickle puts an entry into what is no dict.', { found: describeValue(dict) });
}

function persistentId(machine: Machine): void {
  const id = machine.pop();
  if (!Array.isArray(id) || id[0] !== 'storage') {
    throw machine.fault('The pickle refers to something outside that is no storage.', {
      found: describeValue(Array.isArray(id) ? (id as PickleValue[])[0] : id),
      expected: 'the text "storage"',
    });
  }
  machine.push(machine.context.storage(id as PickleValue[]));
}

function reduce(machine: Machine): void {
  const args = machine.pop();
  const callee = machine.pop();
  machine.push(callGlobal(machine, callee, args));
}

function newObject(machine: Machine): void {
  const args = machine.pop();
  const type = machine.pop();
  machine.push(makeObject(machine, type, args));
}

function build(machine: Machine): void {
  const state = machine.pop();
  buildObject(machine, machine.top(), state);
}
