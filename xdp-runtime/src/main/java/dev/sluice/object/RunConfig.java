package dev.sluice.object;

import dev.sluice.btf.Btf;
import dev.sluice.btf.BtfKind;
import dev.sluice.btf.BtfType;
import java.util.List;

/**
 * How a program shares a NIC with others, as libxdp's dispatcher reads it from section {@code .xdp_run_config}: a variable
 * named like the program with an underscore before it, whose members' types are arrays as long as the numbers:
 *
 * <pre>
 * struct { __uint(priority, 10); __uint(XDP_PASS, 1); __uint(XDP_DROP, 1); } XDP_RUN_CONFIG(my_filter);
 * </pre>
 *
 * @param priority lower ones run first
 * @param chainCallActions a bit for each action after which the next program runs
 */
public record RunConfig(int priority, int chainCallActions) {
    /** Names of the actions, by number. */
    public static final List<String> ACTIONS = List.of("XDP_ABORTED", "XDP_DROP", "XDP_PASS", "XDP_TX", "XDP_REDIRECT");

    private static final int XDP_PASS = 2;

    /** Of programs that say nothing: in the middle, and the next one gets what passes. */
    public static final RunConfig DEFAULT = new RunConfig(50, 1 << XDP_PASS);

    private static final String SECTION = ".xdp_run_config";

    /** What an object says of one of its programs. */
    static RunConfig of(ObjectSpec object, String program) {
        Btf btf = object.btf();
        int section = btf == null ? 0 : btf.find(BtfKind.DATASEC, SECTION);
        if (btf == null || section == 0) {
            return DEFAULT;
        }
        for (BtfType.SectionVar place : ((BtfType.DataSec) btf.type(section)).vars()) {
            if (btf.type(place.var()) instanceof BtfType.Var var
                    && var.name().equals("_" + program)
                    && btf.resolve(var.type()) instanceof BtfType.Composite struct) {
                return of(btf, program, struct);
            }
        }
        return DEFAULT;
    }

    private static RunConfig of(Btf btf, String program, BtfType.Composite struct) {
        int priority = DEFAULT.priority;
        int actions = DEFAULT.chainCallActions;
        for (BtfType.Member member : struct.members()) {
            if (!(btf.resolve(member.type()) instanceof BtfType.Ptr pointer)
                    || !(btf.resolve(pointer.target()) instanceof BtfType.Array array)) {
                throw new ObjectException("program " + program + ": section " + SECTION + ": member " + member.name()
                        + ": expected a number (__uint), found " + btf.describe(member.type()));
            }
            int number = (int) array.count();
            int action = ACTIONS.indexOf(member.name());
            if (member.name().equals("priority")) {
                priority = number;
            } else if (action >= 0) {
                actions = number == 0 ? actions & ~(1 << action) : actions | 1 << action;
            } else {
                throw new ObjectException("program " + program + ": section " + SECTION
                        + ": expected priority or an action, found member=" + member.name());
            }
        }
        return new RunConfig(priority, actions);
    }

    /** Names of the actions after which the next program runs. */
    public List<String> chainCallActionNames() {
        return ACTIONS.stream()
                .filter(name -> (chainCallActions & 1 << ACTIONS.indexOf(name)) != 0)
                .toList();
    }
}
