package dev.sluice.verifier;

/** The table of live registers that begins a detailed log. */
final class LiveRegistersPrinter {
    private LiveRegistersPrinter() {}

    static void print(Run run, LiveRegisters live) {
        run.log.line("Live regs before insn:");
        for (int i = 0; i < run.layout.size; i++) {
            int number = run.layout.cycles()[i];
            String cycle = number == 0 ? "    " : String.format("%3d ", number);
            StringBuilder line = new StringBuilder(String.format("%s%3d: ", cycle, i));
            for (int r = 0; r < 10; r++) {
                line.append((live.before[i] >> r & 1) != 0 ? (char) ('0' + r) : '.');
            }
            run.log.line(line.append(' ').append(run.text(i)).toString());
            if (run.layout.isWide(i)) {
                i++;
            }
        }
    }
}
