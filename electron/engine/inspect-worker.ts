import { isShardloomError, toProblem, type Problem } from '../../src-core/app-door.ts';
import { inspections, type Inspections } from './opened.ts';

export type Inspection = keyof Inspections;

/** One question to the inspecting thread. */
export interface Question<Name extends Inspection = Inspection> {
  readonly name: Name;
  readonly argument: Parameters<Inspections[Name]>[0];
}

export type InspectionAnswer = { readonly value: unknown } | { readonly problem: Problem };

/** The entry that the pool calls, always in the same thread. Errors of ours are sent as fields. */
export default async function inspect({ name, argument }: Question): Promise<InspectionAnswer> {
  try {
    const run = inspections[name] as (argument: unknown) => unknown;
    return { value: await run(argument) };
  } catch (error) {
    if (isShardloomError(error)) return { problem: toProblem(error) };
    throw error;
  }
}
