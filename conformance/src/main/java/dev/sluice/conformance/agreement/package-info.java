/**
 * Agreement with the running kernel, suite by suite: whole programs on captures, every opcode on interesting operands,
 * maps and helpers by what they answer. Each suite is ordinary code that takes a kernel and engines and gives counts and
 * differences, so that a test can hold it to "no difference" and the fidelity report can print what was compared.
 */
@NullMarked
package dev.sluice.conformance.agreement;

import org.jspecify.annotations.NullMarked;
