import type { Command } from 'commander';
import { consolidateCommand, type ConsolidateFlags } from './consolidate-command.ts';
import { mergeCommand, type MergeFlags } from './merge-command.ts';
import { configOption, kvPlacementOption, withOutputOptions, withSizes } from './options.ts';
import { adapterParts, translateCommand, type ExportFlags, type TranslateFlags } from './peft-command.ts';
import { cancelOnInterrupt, run } from './run.ts';

/** `shardloom merge` and `shardloom peft …`. */
export function addAdapterCommands(program: Command): void {
  addMerge(program);
  const peft = program
    .command('peft')
    .summary('adapters and their configs: export, adapt, original, merge')
    .description(
      'Adapters of a checkpoint as PEFT loads them, and adapter configs in terms of the Neuron model or of the original one.',
    )
    .helpCommand(false);
  withOutputOptions(
    peft
      .command('export')
      .summary('write a checkpoint’s adapters for PeftModel.from_pretrained')
      .description(
        'Consolidates adapters: adapter_model, adapter_config.json and the model card. The default adapter goes into OUT itself, others into folders of their names.',
      )
      .argument('<checkpoint>', 'the sharded checkpoint, or one of its adapter_<name>/')
      .argument('<out>', 'the output folder; made if it is not there'),
  )
    .addOption(configOption())
    .addOption(kvPlacementOption())
    .option('--adapter <name...>', 'which adapters (default: all)')
    .action((folder: string, out: string, flags: ExportFlags & ConsolidateFlags) => {
      const context = { version: __SHARDLOOM_VERSION__, signal: cancelOnInterrupt() };
      return run(flags.json, () =>
        consolidateCommand(folder, out, { ...flags, only: adapterParts(folder, flags) }, context),
      );
    });
  for (const [direction, summary, what] of [
    [
      'adapt',
      'an adapter config for the Neuron model',
      'linears that are fused in training under the fused one’s name',
    ],
    ['original', 'an adapter config for the original model', 'fused linears under the names of their parts'],
  ] as const) {
    withSizes(
      peft
        .command(direction)
        .summary(`print ${summary}`)
        .description(
          `Prints the config with ${what}: target_modules (a list, a regular expression, all-linear), exclude_modules, modules_to_save, rank_pattern and alpha_pattern. All else is kept as it is.`,
        )
        .argument('<config>', 'adapter_config.json, or its folder')
        .argument(
          '<model>',
          'a sharded checkpoint, whose metadata says what is fused; with --tp the model’s config.json or folder',
        ),
      'optional',
    )
      .option('--json', 'print a JSON document that says what changed')
      .action((config: string, model: string, flags: TranslateFlags) =>
        run(flags.json, () => translateCommand(direction, config, model, flags)),
      );
  }
  addMerge(peft);
}

function addMerge(parent: Command): void {
  withOutputOptions(
    parent
      .command('merge')
      .summary('write a model with adapters merged in')
      .description(
        'Adds scaling·B·A to the base weights, band by band, rounded once. Rank-stabilized scaling, rank and alpha patterns, fan_in_fan_out, trained biases and whole trained modules are followed; DoRA and other variants are refused. Both folders may be in Hugging Face’s form or sharded.',
      )
      .argument('<base>', 'the base model')
      .argument('<adapter>', 'the folder of the adapter, or of several')
      .argument('<out>', 'the output folder; made if it is not there'),
  )
    .option(
      '--adapter <name=weight...>',
      'which adapters, by name, and how strongly: NAME or NAME=0.5 (default: the only one, with 1)',
    )
    .addOption(configOption())
    .addOption(kvPlacementOption())
    .option('--dry-run', 'print the plan and write nothing')
    .action((base: string, adapter: string, out: string, flags: MergeFlags) => {
      const context = { version: __SHARDLOOM_VERSION__, signal: cancelOnInterrupt() };
      return run(flags.json, () => mergeCommand(base, adapter, out, flags, context));
    });
}
