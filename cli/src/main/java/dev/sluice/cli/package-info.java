/**
 * The {@code sluice} command: one class a subcommand, all listed in {@link dev.sluice.cli.Main}.
 *
 * <p>Data goes to standard output; errors ({@code Error: …}) and progress go to standard error, progress only on a
 * terminal. Exit codes are those of {@link dev.sluice.cli.ExitCode}.
 *
 * <p>A {@code sluice run} takes commands while it runs:
 *
 * <pre>
 *  sluice map, prog, net, … ─ LiveCommand ── socket ── ControlServer ─ LiveCommands ─ LiveMaps, LivePrograms, LiveNics …
 *  (words, as they were typed)                          (lines of JSON)               (do it, print as bpftool does)
 * </pre>
 */
@NullMarked
package dev.sluice.cli;

import org.jspecify.annotations.NullMarked;
