import './cli/small-heap.ts';
import { Command } from 'commander';
import { addAdapterCommands } from './cli/adapter-commands.ts';
import { consolidateCommand, type ConsolidateFlags } from './cli/consolidate-command.ts';
import { diagnoseCommand, type DiagnoseFlags } from './cli/diagnose-command.ts';
import { DIFF_EXIT, diffCommand, type DiffFlags } from './cli/diff-command.ts';
import { EXIT_CODES_HELP } from './cli/exit-codes.ts';
import { inspectCommand, type InspectFlags } from './cli/inspect-command.ts';
import { layoutCommand, type LayoutFlags } from './cli/layout-command.ts';
import { descendantsCommand, lineageCommand, type LineageFlags } from './cli/lineage-command.ts';
import { openCommand } from './cli/open-command.ts';
import { configOption, kvPlacementOption, withOutputOptions, withShardOptions, withWorkers } from './cli/options.ts';
import { finishCommand } from './cli/parts.ts';
import { sampleCommand, type SampleFlags } from './cli/sample-command.ts';
import { cancelOnInterrupt, report, run } from './cli/run.ts';
import { reshardCommand, shardCommand, type ShardFlags } from './cli/shard-command.ts';
import { statsCommand, type StatsFlags } from './cli/stats-command.ts';
import { verifyCommand, type VerifyFlags } from './cli/verify-command.ts';
import { ShardloomError } from './errors.ts';

// Before any command is added: commands inherit it.
const program = new Command('shardloom').exitOverride();

program
  .description(
    'Consolidate AWS Trainium checkpoints (optimum-neuron, NeuronX Distributed) into Hugging Face weights, byte for byte, with checks.',
  )
  .version(__SHARDLOOM_VERSION__, '-V, --version', 'print the version')
  .helpOption('-h, --help', 'print this help')
  .helpCommand('help [command]', 'print the help of a command')
  .configureHelp({ showGlobalOptions: false })
  .addHelpText(
    'after',
    `
Examples:
  shardloom inspect ./checkpoint-1000
  shardloom consolidate ./checkpoint-1000 ./llama-hf
  shardloom consolidate ./checkpoint-1000 ./llama-hf --max-shard-size 2GB --dtype float32
${EXIT_CODES_HELP}`,
  );

program
  .command('inspect')
  .summary('say what a checkpoint is and whether it is sound')
  .description(
    'Says what a checkpoint folder holds (model, dtype, TP, PP, parameters, adapters) and what is wrong with it. Reads no weights but samples of repeated KV heads.',
  )
  .argument('<folder>', 'the checkpoint, its shards/, an adapter_<name>/ or its adapter_shards/')
  .addOption(configOption())
  .addOption(kvPlacementOption())
  .option('--json', 'print a JSON document')
  .action((folder: string, flags: InspectFlags) => run(flags.json, () => inspectCommand(folder, flags)));

program
  .command('open')
  .summary('open a folder in the window')
  .description(
    'Opens a folder in the window of Shardloom, or just the window. Needs a display and the app: on a server everything else here does without.',
  )
  .argument('[folder]', 'the checkpoint, its shards/, an adapter_<name>/ or its adapter_shards/')
  .action((folder: string | undefined) => run(undefined, () => openCommand(folder)));

withOutputOptions(
  program
    .command('consolidate')
    .summary('write Hugging Face weights from a sharded checkpoint')
    .description(
      'Joins the shards of all ranks into Hugging Face weights, with config and tokenizer beside them and a shardloom.json that records sources, checks and a digest per tensor. Nothing appears in OUT until all of it is whole.',
    )
    .argument('<folder>', 'the checkpoint, its shards/, an adapter_<name>/ or its adapter_shards/')
    .argument('<out>', 'the output folder; made if it is not there'),
)
  .addOption(configOption())
  .addOption(kvPlacementOption())
  .option('--only <part...>', 'model and adapter:NAME: what to consolidate (default: everything)')
  .option('--verify', 'shard the result again and compare every byte of every rank')
  .option('--part <k/n>', 'write only the k-th of n parts, here or on another machine; then run shardloom finish OUT')
  .option('--dry-run', 'print the plan and write nothing')
  .action((folder: string, out: string, flags: ConsolidateFlags) => {
    const context = { version: __SHARDLOOM_VERSION__, signal: cancelOnInterrupt() };
    return run(flags.json, () => consolidateCommand(folder, out, flags, context));
  });

program
  .command('layout')
  .summary('show which rank holds what of a parameter')
  .description(
    'Shows how one original parameter is spread over the ranks: rows, columns and heads on each, copies, and what lies beside it. Reads no weights.',
  )
  .argument('<folder>', 'the checkpoint')
  .argument('<parameter>', 'its name in the original model, or an end of it that no other has')
  .addOption(configOption())
  .addOption(kvPlacementOption())
  .option('--json', 'print a JSON document')
  .action((folder: string, parameter: string, flags: LayoutFlags) =>
    run(flags.json, () => layoutCommand(folder, parameter, flags)),
  );

program
  .command('lineage')
  .summary('show where an element lies on disk, or what a byte on disk becomes')
  .description(
    'With PARAMETER and INDEX: the file, rank and byte offsets of these elements and of their copies. With --file and --offset: the original parameter and index that this byte belongs to.',
  )
  .argument('<folder>', 'the checkpoint')
  .argument('[parameter]', 'its name in the original model, or an end of it that no other has')
  .argument('[index]', 'numbers or ranges, such as 3 or 3,96:128; what is left out is whole', '')
  .option('--file <file>', 'a file of the checkpoint')
  .option('--offset <bytes>', 'a byte offset in it')
  .addOption(configOption())
  .addOption(kvPlacementOption())
  .option('--python', 'print Python that reads just these bytes')
  .option('--json', 'print a JSON document')
  .action(
    (
      folder: string,
      parameter: string | undefined,
      index: string,
      flags: LineageFlags & { file?: string; offset?: string },
    ) =>
      run(flags.json, () => {
        const { file, offset } = flags;
        if (parameter !== undefined) return lineageCommand(folder, parameter, index, flags);
        if (file !== undefined && offset !== undefined) return descendantsCommand(folder, file, offset, flags);
        throw new ShardloomError({
          tag: 'usage',
          what: 'Nothing to look up was named.',
          expected: 'PARAMETER [INDEX], or --file FILE --offset BYTES',
        });
      }),
  );

program
  .command('stats')
  .summary('sum up the values of a parameter or of a rank’s tensor')
  .description(
    'Minimum, maximum, mean, standard deviation, zeros, NaN, Inf and a histogram; exact for 8 and 16-bit types.',
  )
  .argument('<folder>', 'the checkpoint')
  .argument('<parameter>', 'its name in the original model; with --rank the saved name in the Neuron model')
  .option('--rank <tp[,pp]>', 'look at one rank’s tensor as it is stored')
  .option('--bins <n>', 'bars of the histogram', '20')
  .addOption(configOption())
  .addOption(kvPlacementOption())
  .option('--json', 'print a JSON document')
  .action((folder: string, parameter: string, flags: StatsFlags) => {
    const signal = cancelOnInterrupt();
    return run(flags.json, () => statsCommand(folder, parameter, flags, signal));
  });

withWorkers(
  program
    .command('verify')
    .summary('prove a consolidated result, or check that all copies are equal')
    .description(
      'With OUT: shards the consolidated weights again and compares every byte of every rank. A folder that Shardloom wrote alone: reads all weights and compares their digests with shardloom.json. With --replicas: compares all copies in a checkpoint (norms on every rank, KV replicas, shared lora_A, tied embeddings) with what consolidation takes. Writes nothing.',
    )
    .argument('<folder>', 'the checkpoint, or alone the folder with weights that Shardloom wrote')
    .argument('[out]', 'the folder with the weights that were consolidated from it')
    .option('--replicas', 'compare replicas'),
)
  .addOption(configOption())
  .addOption(kvPlacementOption())
  .option('--quiet', 'print only what differs')
  .option('--json', 'print a JSON document')
  .action((folder: string, out: string | undefined, flags: VerifyFlags) => {
    const signal = cancelOnInterrupt();
    return run(flags.json, () => verifyCommand(folder, out, flags, signal));
  });

withShardOptions(
  program
    .command('shard')
    .summary('write a sharded checkpoint from Hugging Face weights')
    .description(
      'Spreads Hugging Face weights (safetensors or bin, one file or several) and PEFT adapters over TP × PP ranks as optimum-neuron saves them: shards, metadata, trn_config.json, config and tokenizer. Knows Llama, Qwen3 and Granite.',
    )
    .argument('<hf_folder>', 'the folder with the weights and their config.json, or with adapters')
    .argument('<out>', 'the output folder; made if it is not there'),
).action((folder: string, out: string, flags: ShardFlags) => {
  const signal = cancelOnInterrupt();
  return run(flags.json, () => shardCommand(folder, out, flags, signal));
});

withShardOptions(
  program
    .command('reshard')
    .summary('write a sharded checkpoint with other parallel sizes')
    .description(
      'Writes a sharded checkpoint, model and adapters, for other TP and PP sizes, from shards to shards: no consolidated copy comes in between.',
    )
    .argument('<folder>', 'the checkpoint')
    .argument('<out>', 'the output folder; made if it is not there'),
)
  .addOption(kvPlacementOption('what its copies show', '--from-kv-placement'))
  .action((folder: string, out: string, flags: ShardFlags) => {
    const signal = cancelOnInterrupt();
    return run(flags.json, () => reshardCommand(folder, out, flags, signal));
  });

addAdapterCommands(program);

withWorkers(
  program
    .command('diff')
    .summary('compare two folders of weights, tensor by tensor')
    .description(
      'Compares Hugging Face weights, adapters or sharded checkpoints, in any combination: bytes first, then values, across dtypes. Sharded sides are consolidated on the way and nothing is written. Exit code 0: the same, 1: different, 2: trouble.',
    )
    .argument('<left>', 'a folder of weights')
    .argument('<right>', 'another one')
    .option('--tolerance <number>', 'the largest absolute difference that counts as none', '0')
    .option('--rename <pattern=replacement>', 'a regular expression that makes names of the left those of the right')
    .option('--html <file>', 'write a report that opens in any browser'),
)
  .addOption(configOption())
  .addOption(kvPlacementOption())
  .option('--all', 'print what is identical too')
  .option('--quiet', 'print nothing: the exit code tells')
  .option('--json', 'print a JSON document')
  .action(async (left: string, right: string, flags: DiffFlags) => {
    const signal = cancelOnInterrupt();
    await run(flags.json, () => diffCommand(left, right, flags, signal), DIFF_EXIT.trouble);
  });

program
  .command('diagnose')
  .summary('write a diagnostics bundle to attach to a report')
  .description(
    'Opens a folder and plans its consolidation, and writes what came of it as a zip file: versions, files with their sizes, names, shapes and dtypes of parameters, findings, the plan and the error. No weights are in it, and paths are shortened. The bundle is written also where opening or planning fails.',
  )
  .argument('<folder>', 'the checkpoint, its shards/, an adapter_<name>/ or its adapter_shards/')
  .option('--out <file>', 'where to write it', 'shardloom-diagnostics.zip')
  .addOption(configOption())
  .addOption(kvPlacementOption())
  .option('--full-paths', 'leave paths as they are')
  .option('--json', 'print a JSON document')
  .action((folder: string, flags: DiagnoseFlags) =>
    run(flags.json, () => diagnoseCommand(folder, flags, __SHARDLOOM_VERSION__)),
  );

program
  .command('finish')
  .summary('join what several --part runs have written')
  .description(
    'Gives the files of all parts their final names, what makes the folder loadable last: index, digests, done. Can be run again where it was interrupted.',
  )
  .argument('<out>', 'the output folder of the parts')
  .option('--quiet', 'print errors only')
  .option('--json', 'print a JSON document')
  .action((out: string, flags: { json?: boolean; quiet?: boolean }) =>
    run(flags.json, () => Promise.resolve(finishCommand(out, flags))),
  );

program
  .command('sample')
  .summary('write a small sharded checkpoint to try things on')
  .description(
    'Writes a small Llama checkpoint as a training run leaves it (made-up weights), and the weights it was made from, so that everything can be tried without a training machine.',
  )
  .argument('<out>', 'the folder to write; must not exist or be empty')
  .option('--tp <n>', 'tensor parallel size', '8')
  .option('--pp <n>', 'pipeline parallel size', '1')
  .option('--xser', 'one file per tensor, as use_xser saves')
  .option('--fuse-qkv', 'q, k and v in one parameter, as fuse_qkv saves')
  .option('--lora', 'with a LoRA adapter of rank 8 on all linears')
  .addOption(kvPlacementOption('tiled'))
  .option('--size <size>', 'small (7 MB) or large (280 MB)', 'small')
  .action((out: string, flags: SampleFlags) => run(false, () => sampleCommand(out, flags)));

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = report(error, false);
}
