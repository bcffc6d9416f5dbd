/*
 * A program that says it can live with packets in fragments (section
 * xdp.frags): it sees the linear part only, and counts how long that was.
 */
#include "packet.h"

__u64 packets;
__u64 linear_bytes;
__u32 longest_linear;

SEC("xdp.frags")
int frags(struct xdp_md *ctx)
{
	__u32 len = ctx->data_end - ctx->data;

	packets++;
	linear_bytes += len;
	if (len > longest_linear)
		longest_linear = len;
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
