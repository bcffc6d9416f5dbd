/* The least that a program can do: what is left is the cost of calling it. */
#include "../programs/packet.h"

SEC("xdp")
int drop(struct xdp_md *ctx)
{
	return XDP_DROP;
}

char LICENSE[] SEC("license") = "GPL";
