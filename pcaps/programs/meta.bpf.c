/*
 * Metadata in front of the packet (bpf_xdp_adjust_meta): the first program
 * writes a mark of eight bytes, and tail-calls the second, which reads it and
 * decides. Unaligned and too large requests must fail, with -13 (EACCES) and
 * -22 (EINVAL).
 */
#include "packet.h"

struct mark {
	__u32 magic;
	__u16 proto;
	__u16 len;
};

#define MAGIC 0x51c7ce00

__s64 error_unaligned;
__s64 error_too_large;
__u64 marks_read;
__u64 marks_missing;

int read_mark(struct xdp_md *ctx);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__array(values, int(struct xdp_md *));
} next SEC(".maps") = {
	.values = { [0] = &read_mark },
};

SEC("xdp")
int read_mark(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	struct mark *mark = (void *)(long)ctx->data_meta;

	if ((void *)(mark + 1) > data || mark->magic != MAGIC) {
		marks_missing++;
		return XDP_ABORTED;
	}
	marks_read++;
	return mark->proto == ETH_P_ARP || mark->len < 64 ? XDP_DROP : XDP_PASS;
}

SEC("xdp")
int write_mark(struct xdp_md *ctx)
{
	error_unaligned = bpf_xdp_adjust_meta(ctx, -5);
	error_too_large = bpf_xdp_adjust_meta(ctx, -256);
	if (bpf_xdp_adjust_meta(ctx, -(int)sizeof(struct mark)))
		return XDP_ABORTED;

	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	struct mark *mark = (void *)(long)ctx->data_meta;
	struct eth_hdr *eth = data;

	if ((void *)(mark + 1) > data || (void *)(eth + 1) > end)
		return XDP_ABORTED;
	mark->magic = MAGIC;
	mark->proto = bpf_ntohs(eth->proto);
	mark->len = end - data;
	bpf_tail_call(ctx, &next, 0);
	return XDP_ABORTED;
}

char LICENSE[] SEC("license") = "GPL";
