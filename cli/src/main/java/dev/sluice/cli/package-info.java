/**
 * The {@code sluice} command: one class a subcommand, all listed in {@link dev.sluice.cli.Main}.
 *
 * <p>Data goes to standard output; errors ({@code Error: …}) and progress go to standard error, progress only on a
 * terminal. Exit codes: 0 fine, 1 failed, 2 usage.
 */
@NullMarked
package dev.sluice.cli;

import org.jspecify.annotations.NullMarked;
