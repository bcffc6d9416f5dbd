package dev.sluice.bench.maps;

import dev.sluice.isa.Code;

/** Where a case's programs run: the kernel or Sluice. One thread. */
interface Side extends AutoCloseable {
    /** A program that is ready to run. */
    interface Loaded extends AutoCloseable {
        /** Runs it so often; nanoseconds a run. */
        double run(int times);

        @Override
        void close();
    }

    /** Loads a program whose instructions name the maps {@link MapProgram#MAP} and {@link MapProgram#STATE}. */
    Loaded load(Code code);

    /** Writes the state. */
    void setState(byte[] state);

    /** Reads the state. */
    byte[] state();

    /** Bytes that the map under test takes; negative when that is not known. */
    long mapBytes();

    @Override
    void close();
}
