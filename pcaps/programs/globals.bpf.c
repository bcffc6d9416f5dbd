/*
 * Global data of every kind: .bss, .data with initial values, .rodata with a
 * table, named sections (.data.limits, .rodata.names, .data.totals), and a
 * static variable inside a function.
 */
#include "packet.h"

int zeroed;
__u32 started = 1000;
const volatile __u8 weights[8] = { 1, 2, 3, 5, 8, 13, 21, 34 };
__u32 limits[4] SEC(".data.limits") = { 64, 256, 1024, 0xffffffff };
const volatile char names[4][8] SEC(".rodata.names") = { "tiny", "small", "medium", "large" };
__u64 totals[4] SEC(".data.totals");

struct point {
	__s32 x, y;
} corner = { -7, 9 };

static __noinline int next_ticket(void)
{
	static volatile int ticket = 41;

	return ++ticket;
}

SEC("xdp")
int globals(struct xdp_md *ctx)
{
	__u32 len = ctx->data_end - ctx->data;
	__u32 i;

	zeroed++;
	started += weights[len & 7];
	for (i = 0; i < 3; i++) {
		if (len <= limits[i])
			break;
	}
	totals[i] += len;
	corner.x += names[i][1];
	corner.y -= next_ticket() & 1;
	return i == 3 ? XDP_DROP : XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
