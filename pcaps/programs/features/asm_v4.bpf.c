/*
 * Instructions that clang seldom chooses by itself, in assembly: gotol,
 * may_goto, sign-extending moves and loads, signed division, byte swaps,
 * stores of constants. Needs -mcpu=v4.
 */
#include "../packet.h"

__u64 results[8];

SEC("xdp")
int asm_v4(struct xdp_md *ctx)
{
	__u64 r[8] = {};

	asm volatile("if %[len] s< 0 goto 1f;"
		     "gotol 2f;"
		     "1: %[r0] = 99;"
		     "2: %[r0] += 7;"
		     : [r0] "+r"(r[0])
		     : [len] "r"((__u64)ctx->rx_queue_index));
	asm volatile("%[r1] = 0;"
		     "3: may_goto 4f;"
		     "%[r1] += 1;"
		     "if %[r1] < 50 goto 3b;"
		     "4:"
		     : [r1] "=r"(r[1]));
	asm volatile("%[r2] = 0x80;"
		     "%[r2] = (s8)%[r2];"
		     : [r2] "=r"(r[2]));
	asm volatile("%[r3] = -7;"
		     "%[r3] s/= 2;"
		     : [r3] "=r"(r[3]));
	asm volatile("%[r4] = -7;"
		     "%[r4] s%%= 4;"
		     : [r4] "=r"(r[4]));
	asm volatile("%[r5] = 0x1122334455667788 ll;"
		     "%[r5] = bswap32 %[r5];"
		     : [r5] "=r"(r[5]));
	asm volatile("*(u64 *)(r10 - 8) = -2;"
		     "*(u16 *)(r10 - 8) = 0x7fff;"
		     "%[r6] = *(s32 *)(r10 - 8);"
		     : [r6] "=r"(r[6])
		     :
		     : "memory");
	asm volatile("%[r7] = 1;"
		     "%[r7] <<= 63;"
		     "%[r7] s>>= 31;"
		     : [r7] "=r"(r[7]));
	for (int i = 0; i < 8; i++)
		results[i] = r[i];
	return r[0] == 7 ? XDP_PASS : XDP_DROP;
}

char LICENSE[] SEC("license") = "GPL";
