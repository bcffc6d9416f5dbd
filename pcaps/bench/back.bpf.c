/* Sends everything back to where it came from, as it is. */
#include "../programs/packet.h"

SEC("xdp")
int back(struct xdp_md *ctx)
{
	return XDP_TX;
}

char LICENSE[] SEC("license") = "GPL";
