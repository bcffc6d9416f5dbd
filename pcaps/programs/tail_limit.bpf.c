/*
 * A program that tail-calls itself until the kernel says no: 33 times. Each
 * pass counts, so that after a packet "passes" has grown by 34. The packet's
 * length picks how the chain ends: even, at the limit; odd, by an index that is
 * outside of the array.
 */
#include "packet.h"

int again(struct xdp_md *ctx);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 2);
	__uint(key_size, sizeof(__u32));
	__array(values, int(struct xdp_md *));
} self SEC(".maps") = {
	.values = {
		[1] = &again,
	},
};

__u64 passes;
__u64 limits;
__u64 misses;

SEC("xdp")
int again(struct xdp_md *ctx)
{
	passes++;
	if ((ctx->data_end - ctx->data) & 1) {
		bpf_tail_call(ctx, &self, 2 + passes % 7);
		bpf_tail_call(ctx, &self, 0);
		misses++;
		return XDP_DROP;
	}
	bpf_tail_call(ctx, &self, 1);
	limits++;
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
