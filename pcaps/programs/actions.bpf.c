/*
 * Every action a program may return, and some it may not, by the length of the
 * packet modulo 8: ABORTED, DROP, PASS, TX, REDIRECT (without having called a
 * redirect helper), 5, 77 and -1. A datapath treats the last four as ABORTED.
 */
#include "packet.h"

const volatile int actions[8] = { XDP_ABORTED, XDP_DROP, XDP_PASS, XDP_TX, XDP_REDIRECT, 5, 77, -1 };

SEC("xdp")
int actions_by_length(struct xdp_md *ctx)
{
	return actions[(ctx->data_end - ctx->data) & 7];
}

char LICENSE[] SEC("license") = "GPL";
