/** The examples of {@code docs/API.md}, compiled and run. */
@NullMarked
package dev.sluice.conformance.api;

import org.jspecify.annotations.NullMarked;
