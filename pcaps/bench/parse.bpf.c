/* Parses down to UDP and drops one destination port. */
#include "parse.bpf.h"

SEC("xdp")
int parse(struct xdp_md *ctx)
{
	int port = udp_port((void *)(long)ctx->data, (void *)(long)ctx->data_end);

	return port == bpf_htons(BLOCKED_PORT) ? XDP_DROP : XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
