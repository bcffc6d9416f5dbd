package dev.sluice.verifier;

import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A rejection in words for people.
 *
 * @param why what the verifier could not prove
 * @param fix what usually helps
 */
public record Explanation(String why, String fix) {
    private record Row(Pattern message, Explanation explanation) {
        Row(String message, String why, String fix) {
            this(Pattern.compile(message), new Explanation(why, fix));
        }
    }

    /** The first row whose pattern is the whole message counts. */
    private static final List<Row> ROWS = List.of(
            new Row(
                    "R\\d+ offset is outside of the packet",
                    "on this path no branch has compared the pointer with data_end far enough: the bytes that are read are not known to be there",
                    "return early unless data + offset + size <= data_end, on every path to this access, and access through the pointer that was compared"),
            new Row(
                    "R\\d+ min value is negative, either use unsigned index.*",
                    "the index may be negative here",
                    "make the index unsigned, or return early where it is below 0"),
            new Row(
                    "R\\d+ min value is outside of the allowed memory range",
                    "even the smallest offset lies outside of the memory",
                    "compare the offset with the size of the value before the access"),
            new Row(
                    "R\\d+ max value is outside of the allowed memory range",
                    "the largest offset that is possible here lies outside of the memory",
                    "limit the index before the access: if (index >= size) return, or index &= size - 1 for a power of two"),
            new Row(
                    "R\\d+ unbounded memory access, make sure.*",
                    "nothing limits the index",
                    "limit the index before the access: if (index >= size) return"),
            new Row(
                    "R\\d+ invalid mem access 'scalar'",
                    "the register holds a number here, not a pointer: a pointer became one by arithmetic, or because the packet was moved or the memory given back",
                    "load data and data_end again after bpf_xdp_adjust_head, _meta or _tail; do not use what was submitted or released"),
            new Row(
                    "R\\d+ invalid mem access '.*_or_null'",
                    "the pointer may be NULL on this path",
                    "check the result of the call before it is used: if (!ptr) return"),
            new Row(
                    "R\\d+ invalid mem access 'pkt_end'",
                    "data_end marks the end of the packet and cannot be read through",
                    "read through a pointer made from data"),
            new Row(
                    "R\\d+ invalid mem access '.*'",
                    "memory cannot be read or written through a pointer of this kind",
                    "use a pointer to the stack, the packet or a map's value"),
            new Row(
                    "R\\d+ !read_ok",
                    "the register was not written on this path, or a call has overwritten it: r1 to r5 are lost in calls",
                    "give the variable a value on every path; keep it in r6 to r9 or on the stack over a call"),
            new Row(
                    "R\\d+ pointer arithmetic on pkt_end prohibited",
                    "data_end may only be compared with",
                    "add to data instead, and compare the sum with data_end"),
            new Row(
                    "R\\d+ pointer arithmetic on .* prohibited, null-check it first",
                    "the pointer may be NULL, and an offset would hide that",
                    "check for NULL first, then add"),
            new Row(
                    "R\\d+ pointer arithmetic on .* prohibited",
                    "an offset to a pointer of this kind has no meaning",
                    "keep the pointer as it is"),
            new Row(
                    "R\\d+ pointer arithmetic with .* operator prohibited",
                    "only adding and subtracting keep a pointer a pointer",
                    "do the arithmetic on the offset, then add it to the pointer"),
            new Row(
                    "R\\d+ bitwise operator .* on pointer prohibited",
                    "only adding and subtracting keep a pointer a pointer",
                    "do the arithmetic on the offset, then add it to the pointer"),
            new Row(
                    "R\\d+ 32-bit pointer arithmetic prohibited",
                    "half a pointer is none: a 32-bit operation would cut it",
                    "use 64-bit variables for pointers and their offsets"),
            new Row(
                    "R\\d+ pointer .* pointer prohibited",
                    "two pointers can only be subtracted from each other",
                    "add an offset, not a pointer"),
            new Row(
                    "R\\d+ subtraction from stack pointer prohibited",
                    "r10 may be added to only",
                    "add a negative number"),
            new Row(
                    "R\\d+ tried to subtract pointer from scalar",
                    "a number minus a pointer is no pointer",
                    "subtract the other way round"),
            new Row(
                    "math between .* pointer and register with unbounded min value is not allowed",
                    "the number that is added may be any negative number",
                    "make it unsigned, or compare it with a lower limit first"),
            new Row(
                    "math between .* pointer and -?\\d+ is not allowed",
                    "offsets stay below 2^29",
                    "use a smaller offset"),
            new Row(
                    "value -?\\d+ makes .* pointer be out of bounds",
                    "offsets stay below 2^29",
                    "limit the number before it is added"),
            new Row(".* pointer offset -?\\d+ is not allowed", "offsets stay below 2^29", "use a smaller offset"),
            new Row(
                    "invalid bpf_context access off=-?\\d+ size=\\d+",
                    "struct xdp_md has six fields of 4 bytes, read only, each loaded as a whole; egress_ifindex only for programs of a devmap",
                    "load the whole field; change the packet through data"),
            new Row(
                    "dereference of modified ctx ptr.*",
                    "the context is only accessed at constant offsets from its beginning",
                    "keep the context pointer unchanged and use its fields"),
            new Row(
                    "invalid read from stack R\\d+ off=.*",
                    "the access leaves the 512 bytes of stack",
                    "stay within r10 - 512 and r10 - 1; move large variables to a per-CPU array"),
            new Row(
                    "invalid write to stack.*",
                    "the access leaves the 512 bytes of stack",
                    "stay within r10 - 512 and r10 - 1; move large variables to a per-CPU array"),
            new Row(
                    "invalid (unbounded )?variable-offset .* stack.*",
                    "for some values of the index the access leaves the stack",
                    "limit the index before the access"),
            new Row(
                    "misaligned stack access.*",
                    "accesses to the stack are aligned to their size",
                    "align the variable, or copy it byte by byte"),
            new Row("misaligned .*access.*", "atomic operations are aligned to their size", "align the field"),
            new Row(
                    "invalid size of register (spill|fill)",
                    "a pointer on the stack is stored and loaded as 8 bytes",
                    "store and load it whole"),
            new Row(
                    "combined stack size of \\d+ calls is \\d+. Too large",
                    "the functions that call each other share 512 bytes of stack",
                    "make variables smaller, or move them to a per-CPU array"),
            new Row(
                    "the call stack of \\d+ frames is too deep.*",
                    "at most 8 functions may be in the middle of calling each other",
                    "call less deeply; recursion is not possible"),
            new Row(
                    "R\\d+ type=.*_or_null expected=.*",
                    "the pointer may be NULL on this path",
                    "check the result of the call that gave it: if (!ptr) return"),
            new Row(
                    "R\\d+ type=.* expected=.*",
                    "the helper takes another kind of argument here",
                    "look at the helper's prototype in bpf-helpers(7); arguments may be in the wrong order"),
            new Row(
                    "R\\d+ min value is negative, either use unsigned or 'var &= const'",
                    "the size may be negative here",
                    "make it unsigned, or limit it: size &= 0xff"),
            new Row(
                    "R\\d+ unbounded memory access, use 'var &= const' or.*",
                    "nothing limits the size",
                    "limit it: if (size > sizeof(buffer)) return"),
            new Row(
                    "R\\d+ invalid zero-sized read.*",
                    "the size may be 0, which this helper does not take",
                    "return early where the size is 0"),
            new Row("invalid zero-sized read", "the size is 0, which this helper does not take", "give a size above 0"),
            new Row(
                    "cannot pass map_type \\d+ into func .*",
                    "the helper does not work on maps of this type",
                    "use the helper that belongs to the map's type"),
            new Row(
                    "expected prog array map for tail call",
                    "tail calls go through a BPF_MAP_TYPE_PROG_ARRAY",
                    "pass a prog array"),
            new Row(
                    "program of this type cannot use helper .*",
                    "XDP programs may not call this helper",
                    "use one that XDP has; helpers named skb need a tc program"),
            new Row(
                    "cannot call GPL-restricted function from non-GPL compatible program",
                    "the helper is for programs under a GPL-compatible license",
                    "char LICENSE[] SEC(\"license\") = \"GPL\";"),
            new Row(
                    "helper access to the packet is not allowed",
                    "this helper does not take memory of the packet",
                    "copy the bytes to the stack and pass those"),
            new Row(
                    ".* would lead to reference leak",
                    "on this path something that was taken is not given back",
                    "release the socket, submit or discard the record on every path"),
            new Row(
                    "R\\d+ must be referenced when passed to release function",
                    "what is given back was not taken, or was given back already",
                    "give back just what the call gave, once"),
            new Row(
                    "infinite loop detected at insn \\d+|old state:.*",
                    "a round of the loop changes nothing that ends it",
                    "count in a variable that the condition looks at, with a constant limit"),
            new Row(
                    "BPF program is too large. Processed \\d+ insn",
                    "the paths through the program take more than a million steps",
                    "shorten loops, or use bpf_loop; make branches meet again in equal states"),
            new Row(
                    "The sequence of \\d+ jumps is too complex.",
                    "more than 8192 branches are open at a time",
                    "shorten the loop, or use bpf_loop"),
            new Row("unreachable insn \\d+", "no path leads to this instruction", "remove it"),
            new Row(
                    "jump out of range from insn -?\\d+ to -?\\d+",
                    "the jump leaves its function",
                    "compile again; assembly by hand has a wrong offset"),
            new Row("last insn is not an exit or jmp", "the function runs off its end", "end it with a return"),
            new Row("div by zero", "the divisor is the constant 0", "divide by something else"),
            new Row("invalid shift -?\\d+", "the constant is not below the width", "shift by less"),
            new Row("frame pointer is read only", "r10 cannot be changed", "copy it to another register"),
            new Row(
                    "(write into|read from) map forbidden.*",
                    "the map's flags do not let programs do that",
                    "create the map without BPF_F_RDONLY_PROG or BPF_F_WRONLY_PROG"),
            new Row(
                    "invalid access to map value pointer.*",
                    "the address lies outside of the map's value",
                    "use a smaller offset"),
            new Row(
                    "cannot return stack pointer to the caller",
                    "the stack of a function ends with it",
                    "return a number, or let the caller pass the memory"),
            new Row(
                    "BPF_ATOMIC .* is not allowed",
                    "atomic operations work on map values, the stack and ring buffer records only",
                    "copy the bytes out of the packet first"),
            new Row(
                    "tail_calls are not allowed when call stack of previous frames is \\d+ bytes. Too large",
                    "functions that make tail calls leave at most 256 bytes of stack to their callers",
                    "use less stack in the callers"),
            new Row(
                    "same insn cannot be used with different pointers",
                    "one instruction would access the context on one path and other memory on another",
                    "access the context before the paths meet"),
            new Row(
                    "unknown opcode [0-9a-f]+",
                    "Linux 6.18 has no such instruction",
                    "compile for a CPU version that the kernel knows: -mcpu=v3 or v4"),
            new Row(
                    "BPF_.* uses reserved fields",
                    "a field that must be 0 is not",
                    "compile again; the instruction was made by hand or for another kernel"),
            new Row(
                    "calling kernel function \\w+ is not allowed",
                    "Linux offers that function of the kernel to other program types only",
                    "use a helper, or a function that XDP programs may call"),
            new Row(
                    "cannot call kernel function from non-GPL compatible program",
                    "functions of the kernel are for GPL-compatible programs only",
                    "say SEC(\"license\") = \"GPL\" if that is the license"),
            new Row(
                    "metadata kfuncs require device-bound program",
                    "what a device knows of a packet can be asked of one known device only",
                    "load the program for a device: bpf_program__set_ifindex and BPF_F_XDP_DEV_BOUND_ONLY"),
            new Row(
                    "Expected an initialized dynptr as arg #\\d+",
                    "no dynptr was made at that place of the stack, or it was overwritten since",
                    "make it on every path before: bpf_dynptr_from_xdp, bpf_dynptr_from_mem, bpf_ringbuf_reserve_dynptr"),
            new Row(
                    "Dynptr has to be an uninitialized dynptr",
                    "a dynptr can only be made in 16 bytes of the stack at a multiple of 8",
                    "use a local variable of type struct bpf_dynptr"),
            new Row(
                    "arg#\\d+ expected pointer to stack or const struct bpf_dynptr",
                    "a dynptr lies on the stack",
                    "use a local variable of type struct bpf_dynptr"),
            new Row(
                    "Expected a dynptr of type ringbuf as arg #\\d+|arg \\d+ is an unacquired reference",
                    "only what bpf_ringbuf_reserve_dynptr made can be submitted or discarded, once",
                    "submit or discard the dynptr that was reserved, once on every path"),
            new Row(
                    "cannot overwrite referenced dynptr",
                    "the record in the ring buffer could never be given back",
                    "submit or discard it before the variable is used again"),
            new Row(
                    "potential write to dynptr at off=-?\\d+ disallowed",
                    "the helper would write over a dynptr on the stack",
                    "give it other memory"),
            new Row(
                    "invalid read from stack .*",
                    "a dynptr or an iterator lies there, which programs cannot look into",
                    "use the functions for it: bpf_dynptr_size, bpf_iter_num_next and so on"),
            new Row(
                    "Unsupported reg type .* for bpf_dynptr_from_mem data",
                    "bpf_dynptr_from_mem takes memory of a map's value only",
                    "use bpf_dynptr_from_xdp for packets, and plain pointers for the stack"),
            new Row(
                    "arg#\\d+ arg#\\d+ memory, len pair leads to invalid memory access",
                    "the memory is not as long as the size that goes with it",
                    "pass the size of the variable: sizeof"),
            new Row(
                    "R\\d+ must be a known constant",
                    "the size has to be the same each time",
                    "use a constant, and another call for another size"),
            new Row(
                    "R\\d+ is not a scalar",
                    "a number is expected, found a pointer, or nothing",
                    "pass the value, not its address"),
            new Row(
                    "arg#\\d+ expected pointer to ctx, but got .*",
                    "the function takes the program's context",
                    "pass ctx, which the program keeps in a variable of its own"),
            new Row(
                    "expected an initialized iter_\\w+ as arg #\\d+",
                    "no iterator was begun at that place of the stack, it was overwritten, or it has ended",
                    "call bpf_iter_num_new before, and bpf_iter_num_destroy last; or use bpf_for"),
            new Row(
                    "expected uninitialized iter_\\w+ as arg #\\d+",
                    "an iterator is still running there",
                    "end it before: bpf_iter_num_destroy"),
            new Row(
                    "arg#\\d+ expected pointer to an iterator on stack",
                    "an iterator lies on the stack",
                    "use a local variable of type struct bpf_iter_num"),
            new Row(
                    "bpf_\\w+ cannot be accessed directly by load/store",
                    "the access covers a field of the value that belongs to the kernel, and programs reach it through its helpers alone",
                    "read and write the fields around it one by one; give a copy on the stack to helpers that take a whole value"),
            new Row(
                    "function calls are not allowed while holding a lock",
                    "between bpf_spin_lock and bpf_spin_unlock nothing may be called but static functions of the program",
                    "call helpers before the lock is taken or after it was given back, and keep results in variables"),
            new Row(
                    "use static function instead",
                    "a global function is verified on its own, without the lock that is held here",
                    "make the function static, or call it before the lock is taken"),
            new Row(
                    ".* cannot be used inside bpf_spin_lock-ed region",
                    "the program can end here while it holds the lock",
                    "call bpf_spin_unlock on every path, also before an early return"),
            new Row(
                    "bpf_spin_unlock (without taking a lock|of different lock|cannot be out of order)",
                    "the lock that is given back is not the one that is held",
                    "unlock through the pointer that was locked: two look-ups of the same key are two values to the verifier"),
            new Row(
                    "map '.*' has to have BTF in order to use bpf_\\w+",
                    "the kernel does not know the type of the map's value: maps of this type cannot have such a field, or the map has no types",
                    "define the map with __type(key, …) and __type(value, struct …), as an array or a hash"),
            new Row(
                    "map '.*' has no valid bpf_\\w+",
                    "the value's type has no such field, or more than one",
                    "have one field of that type in the value's struct"),
            new Row(
                    "off -?\\d+ doesn't point to 'struct bpf_\\w+' that is at -?\\d+|R\\d+ doesn't have constant offset. bpf_\\w+ has to.*",
                    "the pointer is not at the field that the value's type has",
                    "give the address of the field, &value->field, as it is"),
            new Row(
                    "timer pointer in R1 .* doesn't match map pointer in R2 .*",
                    "the timer is in a value of another map than the one that is named",
                    "give bpf_timer_init the map in which the value was looked up"),
            new Row(
                    "write to change key R\\d+ not allowed",
                    "the key that a callback gets belongs to the map and can only be read",
                    "copy the key to a local variable and change that"),
            new Row(
                    "callback function not static",
                    "only static functions can be called back",
                    "declare the callback static"),
            new Row(
                    "At async callback return .*",
                    "the callback of a timer must return 0",
                    "return 0 on every path of the callback"),
            new Row(
                    "nested rcu read lock .*|unmatched rcu read unlock .*|unmatched attempt to enable preemption .*",
                    "the region is not open, or already is",
                    "call lock and unlock in turns, on every path"),
            new Row(
                    ".* cannot be used inside bpf_(rcu_read_lock|preempt_disable)-ed region",
                    "the region is still open on this path",
                    "end it before, on every path"),
            new Row(
                    "R\\d+ must have zero offset when passed to release func or trusted arg to kfunc",
                    "the pointer was moved since the call that gave it",
                    "pass it as it was given"),
            new Row(
                    "Possibly NULL pointer passed to trusted arg\\d+",
                    "the pointer may be NULL on this path",
                    "check the result of the call before it is used: if (!ptr) return"),
            new Row(
                    "arg#\\d+ pointer type STRUCT \\w+ must point to scalar, or struct with scalar",
                    "a structure of the kernel is expected, found other memory",
                    "pass what the kernel's function for it gave"),
            new Row(
                    "Caller passes invalid args into func#\\d+ .*",
                    "a global function is verified by its types alone, and what is passed does not fit them; the line before says which argument",
                    "pass what the prototype says, give pointers a complete type, or make the function static"),
            new Row(
                    "R\\d+ cannot write into .*",
                    "this memory may only be read",
                    "copy what is to be changed to the stack"),
            new Row(
                    "bpf_throw kfunc \\(insn \\d+\\) cannot be called from callback .*",
                    "helpers that call functions cannot be left by an exception",
                    "return a number from the callback, and throw where the helper has returned"),
            new Row(
                    "(dereference of modified|negative offset) dynptr_ptr ptr .*",
                    "a dynptr is used as a whole",
                    "read at an offset: bpf_dynptr_read(dst, len, ptr, offset, 0)"),
            new Row(
                    "(LD_ABS|tail_call) is (only|not) allowed in .*",
                    "a function that may end the program by itself must be known to return a number",
                    "let it return int, and keep its types (-g)"),
            new Row(
                    "BPF_LD_\\[ABS\\|IND\\] instructions not allowed .*",
                    "these loads are for socket filters",
                    "read the packet through data and data_end"),
            new Row(
                    "helper call might sleep in a non-sleepable prog",
                    "XDP programs may not wait",
                    "do it in user space"),
            new Row(
                    "fd -?\\d+ is not pointing to valid bpf_map",
                    "no map has this descriptor",
                    "let the loader fill it in: name the map in the source"),
            new Row(
                    "kernel function \\w+ args#\\d+ expected pointer to .*",
                    "another structure of the kernel is expected",
                    "bpf_ct_set_* take what bpf_xdp_ct_alloc gave, bpf_ct_change_* and bpf_ct_release what was inserted or found"));

    /** All that there are. */
    public static List<Explanation> all() {
        return ROWS.stream().map(Row::explanation).toList();
    }

    /** What is known of a log's last line. */
    public static Optional<Explanation> of(String message) {
        return ROWS.stream()
                .filter(row -> row.message.matcher(message).matches())
                .map(Row::explanation)
                .findFirst();
    }

    private static final Pattern PACKET = Pattern.compile(
            "invalid access to packet, off=(-?\\d+) size=(\\d+), R\\d+\\(id=(\\d+),off=-?\\d+,r=(\\d+)\\)");

    /**
     * What is known of a rejection: its last line, and for accesses to the packet how far they are off.
     *
     * @return empty for rejections that are rare
     */
    public static Optional<Explanation> of(Verdict.Rejected rejected) {
        Optional<Explanation> known = of(rejected.message());
        if (!rejected.message().endsWith("offset is outside of the packet")) {
            return known;
        }
        Matcher access = PACKET.matcher(rejected.log());
        if (!access.find()) {
            return known;
        }
        long off = Long.parseLong(access.group(1));
        long end = off + Long.parseLong(access.group(2));
        boolean hasVariable = !access.group(3).equals("0");
        long range = Long.parseLong(access.group(4));
        String bytes = "the access needs the bytes up to " + end;
        String why;
        if (range > 0) {
            why = "on this path " + range + " bytes from the pointer's origin on are known to be there, but " + bytes;
        } else if (hasVariable) {
            why =
                    "since a number was added to the pointer no branch has compared it with data_end: what was known before "
                            + "the addition is lost";
        } else {
            why = "on this path no branch has compared the pointer with data_end: no byte is known to be there, and "
                    + bytes;
        }
        String fix = hasVariable && range == 0
                ? "compare again after the addition: if (ptr + " + end + " > data_end) return"
                : "return early unless data + " + end
                        + " <= data_end, on every path to this access, and access through "
                        + "the pointer that was compared";
        return Optional.of(new Explanation(why, fix));
    }

    /** The lines that follow the kernel's words: why, the branches that lead there, and what usually helps. */
    public static String text(Verdict.Rejected rejected) {
        StringBuilder text = new StringBuilder();
        Optional<Explanation> explanation = of(rejected);
        explanation.ifPresent(known -> text.append("why: ").append(known.why).append('\n'));
        if (!rejected.path().isEmpty()) {
            text.append("path:\n");
            rejected.path().forEach(step -> text.append("  ").append(step).append('\n'));
        }
        explanation.ifPresent(known -> text.append("fix: ").append(known.fix).append('\n'));
        return text.toString().stripTrailing();
    }

    /** As the two lines that follow the kernel's words. */
    @Override
    public String toString() {
        return "why: " + why + "\nfix: " + fix;
    }
}
