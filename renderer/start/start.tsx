interface StartProps {
  readonly version: string;
}

/** The page before a checkpoint is open. */
export function Start({ version }: StartProps) {
  return (
    <main className="start">
      <h1>Shardloom</h1>
      <p className="purpose">
        Turns sharded AWS Trainium checkpoints (optimum-neuron) into Hugging Face weights, and proves the result.
      </p>
      <section aria-labelledby="open-heading">
        <h2 id="open-heading">Open a checkpoint</h2>
        <p>This version opens folders on the command line:</p>
        <pre>
          <code>shardloom consolidate FOLDER OUT</code>
        </pre>
        <p className="hint">
          FOLDER is the checkpoint folder. It is only read. OUT is where the Hugging Face model goes.
        </p>
      </section>
      <footer>Version {version}</footer>
    </main>
  );
}
