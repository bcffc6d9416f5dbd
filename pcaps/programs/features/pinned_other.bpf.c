/* Uses the map that pinned.bpf.c pins: what is new to both of them passes. */
#define OTHER
#include "pinned.bpf.c"

SEC("xdp")
int other(struct xdp_md *ctx)
{
	return count(ctx, 1) == XDP_PASS ? XDP_PASS : XDP_TX;
}

char LICENSE[] SEC("license") = "GPL";
