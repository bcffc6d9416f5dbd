package dev.sluice.cli;

import dev.sluice.helper.Helper;
import dev.sluice.isa.Symbols;

/** The helpers' C names in assembly. */
final class HelperSymbols implements Symbols {
    static final HelperSymbols INSTANCE = new HelperSymbols();

    private HelperSymbols() {}

    @Override
    public String helperName(int number) {
        Helper helper = Helper.of(number);
        return helper == null ? Symbols.super.helperName(number) : helper.cname();
    }

    @Override
    public int helperNumber(String name) {
        for (Helper helper : Helper.values()) {
            if (helper.cname().equals(name)) {
                return helper.number();
            }
        }
        return 0;
    }
}
