/**
 * The verifier against Linux's: the same programs to both, verdicts, messages and counts compared.
 *
 * <p>{@link dev.sluice.conformance.verifier.VerifierComparison} is the command; {@link
 * dev.sluice.conformance.verifier.CaseFamilies} are the cases, whose answers by a real kernel are recorded in {@code
 * verifier-cases.tsv}: name, ACCEPT or REJECT, instructions processed or the log's last line.
 */
@NullMarked
package dev.sluice.conformance.verifier;

import org.jspecify.annotations.NullMarked;
