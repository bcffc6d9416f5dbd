/**
 * The golden results: what a kernel gave for each program on each capture ({@code pcaps/README.md} has the format), held
 * against every engine and against the whole pipeline.
 */
@NullMarked
package dev.sluice.conformance.golden;

import org.jspecify.annotations.NullMarked;
