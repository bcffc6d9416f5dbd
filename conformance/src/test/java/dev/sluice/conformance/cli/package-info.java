/** The {@code sluice} command from outside: arguments and standard input in; output, messages and exit code out. */
@NullMarked
package dev.sluice.conformance.cli;

import org.jspecify.annotations.NullMarked;
