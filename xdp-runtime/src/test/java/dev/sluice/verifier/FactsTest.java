package dev.sluice.verifier;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.isa.Assembler;
import dev.sluice.map.MapDef;
import dev.sluice.map.MapType;
import dev.sluice.program.Facts;
import dev.sluice.program.Facts.Outcome;
import dev.sluice.program.Program;
import dev.sluice.program.RegisterFact;
import dev.sluice.program.RegisterFact.Kind;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What the verifier says of each instruction's operands. */
class FactsTest {
    private static final KnownMap HASH = KnownMap.of(MapDef.of("hash", MapType.HASH, 4, 8, 16));
    private static final KnownMap ARRAY = KnownMap.of(MapDef.of("array", MapType.ARRAY, 4, 8, 16));

    private static Facts facts(String text, KnownMap... maps) {
        Verdict verdict =
                Verifier.create().verify(Subject.of(Assembler.assemble(text).toBytes(), List.of(maps)));
        assertThat(verdict).isInstanceOf(Verdict.Verified.class);
        return ((Verdict.Verified) verdict).facts();
    }

    @Test
    void pointersOfAParser() {
        Facts facts = facts("""
                r2 = *(u32 *)(r1 + 0)
                r3 = *(u32 *)(r1 + 4)
                r4 = r2
                r4 += 14
                if r4 > r3 goto out
                r0 = *(u8 *)(r2 + 13)
                *(u64 *)(r10 - 8) = r0
                out:
                r0 = 2
                exit
                """);
        assertThat(facts.before(0, 1).kind()).isEqualTo(Kind.CTX);
        assertThat(facts.before(0, 2)).isSameAs(RegisterFact.NONE);
        assertThat(facts.before(4, 4).kind()).isEqualTo(Kind.PACKET);
        assertThat(facts.before(4, 4).minOffset()).isEqualTo(14);
        assertThat(facts.before(4, 3).kind()).isEqualTo(Kind.PACKET_END);
        assertThat(facts.before(5, 2).hasFixedOffset()).isTrue();
        assertThat(facts.before(6, 0).range().umax()).isEqualTo(255);
        assertThat(facts.before(6, 0).range().isUpperHalfZero()).isTrue();
        assertThat(facts.outcome(4)).isEqualTo(Outcome.OPEN);
        assertThat(facts.before(8, 0).range().constant()).isEqualTo(2);
    }

    @Test
    void mapsAndTheirValues() {
        String lookup = """
                r6 = *(u32 *)(r1 + 12)
                *(u32 *)(r10 - 4) = 0
                r2 = r10
                r2 += -4
                if r6 == 0 goto second
                r1 = map[fd:0]
                goto call
                second:
                r1 = map[fd:1]
                call:
                call 1
                if r0 == 0 goto +1
                r0 = *(u64 *)(r0 + 0)
                exit
                """;
        Facts facts = facts(lookup, HASH, ARRAY);
        int call = 10;
        assertThat(facts.before(call, 1).kind()).isEqualTo(Kind.MAP);
        assertThat(facts.before(call, 1).map()).isEqualTo(-1);
        assertThat(facts.before(call, 2).ownFrame()).isTrue();
        assertThat(facts.before(call, 2).minOffset()).isEqualTo(-4);
        assertThat(facts.before(call + 1, 0).nonNull()).isFalse();
        assertThat(facts.before(call + 2, 0).nonNull()).isTrue();
        assertThat(facts.before(call + 2, 0).kind()).isEqualTo(Kind.MAP_VALUE);
    }

    /** The walk sees 7 only: the path with 8 ends where the first one was, since nothing depends on the number. */
    @Test
    void aNumberThatDoesNotMatterToSafetyIsStillWhatItCanBe() {
        Facts facts = facts("""
                r6 = *(u32 *)(r1 + 12)
                r7 = 8
                if r6 == 0 goto join
                r7 = 7
                join:
                r8 = 0
                r8 += 1
                r8 += 1
                r8 += 1
                r8 += 1
                r8 += 1
                r8 += 1
                if r6 == 5 goto +0
                r8 += 1
                if r6 == 6 goto +0
                r8 += 1
                r0 = r7
                exit
                """);
        int last = facts.size() - 2;
        assertThat(facts.before(last, 7).range().contains(7)).isTrue();
        assertThat(facts.before(last, 7).range().contains(8)).isTrue();
        assertThat(facts.before(last, 7).range().contains(16)).isFalse();
    }

    @Test
    void loopsEndInUsualBounds() {
        Facts facts = facts("""
                r1 = 0
                r2 = 100
                loop:
                r2 += -1
                w1 += 3
                if r2 != 0 goto loop
                r0 = r1
                exit
                """);
        assertThat(facts.before(5, 1).range().isUpperHalfZero()).isTrue();
        assertThat(facts.before(5, 1).range().contains(300)).isTrue();
        assertThat(facts.before(2, 2).range().contains(100)).isTrue();
        assertThat(facts.before(2, 2).range().contains(1)).isTrue();
    }

    @Test
    void functionsKnowTheNumbersOfAllTheirCalls() {
        Facts facts = facts("""
                r1 = 1
                call f
                r6 = r0
                r1 = 5
                call f
                r0 += r6
                exit
                f:
                r0 = r1
                exit
                """);
        assertThat(facts.before(7, 1).range().contains(1)).isTrue();
        assertThat(facts.before(7, 1).range().contains(5)).isTrue();
        assertThat(facts.before(7, 1).range().umax()).isEqualTo(5);
        assertThat(facts.before(5, 0).range().umax()).isLessThanOrEqualTo(255);
    }

    @Test
    void branchesThatGoOneWay() {
        Facts facts = facts("r0 = 1\nif r0 == 1 goto +2\nr0 = *(u64 *)(r9 + 0)\nr0 = 3\nif r0 > 5 goto +1\nexit\nexit");
        assertThat(facts.outcome(1)).isEqualTo(Outcome.ALWAYS);
        assertThat(facts.outcome(4)).isEqualTo(Outcome.NEVER);
        assertThat(facts.isReached(2)).isFalse();
        assertThat(facts.isReached(6)).isFalse();
    }

    @Test
    void aProofBelongsToItsProgram() {
        Facts facts = facts("r1 = map[fd:0]\nr0 = 2\nexit", HASH);
        Program linked = Program.ofCode("linked", Assembler.assemble("r1 = map[fd:77]\nr0 = 2\nexit"));
        assertThat(facts.verified(linked).orElseThrow().program()).isEqualTo(linked);
        Program other = Program.ofCode("other", Assembler.assemble("r1 = map[fd:77]\nr0 = 3\nexit"));
        assertThatThrownBy(() -> facts.verified(other)).isInstanceOf(AssertionError.class);
    }
}
