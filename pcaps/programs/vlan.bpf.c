/*
 * Two programs in one section: vlan_push puts an 802.1Q tag (VLAN 42, priority
 * 3) in front of untagged packets, vlan_pop takes the outer tag off. Both move
 * the start of the packet (bpf_xdp_adjust_head) and the MACs with it, and count
 * the calls that failed.
 */
#include "packet.h"

const volatile __u16 vlan_tci = 3 << 13 | 42;

__u64 pushed;
__u64 popped;
__u64 failed;

static __always_inline int is_tag(__be16 proto)
{
	return proto == bpf_htons(ETH_P_8021Q) || proto == bpf_htons(ETH_P_8021AD);
}

SEC("xdp")
int vlan_push(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	struct eth_hdr was;

	HEADER_OR_RETURN(struct eth_hdr, eth, data, end, XDP_ABORTED);
	if (is_tag(eth->proto))
		return XDP_PASS;
	__builtin_memcpy(&was, eth, sizeof(was));

	if (bpf_xdp_adjust_head(ctx, -(int)sizeof(struct vlan_hdr))) {
		failed++;
		return XDP_ABORTED;
	}
	data = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	eth = data;
	struct vlan_hdr *tag = (void *)(eth + 1);
	if ((void *)(tag + 1) > end)
		return XDP_ABORTED;
	__builtin_memcpy(eth, &was, 12);
	eth->proto = bpf_htons(ETH_P_8021Q);
	tag->tci = bpf_htons(vlan_tci);
	tag->proto = was.proto;
	pushed++;
	return XDP_PASS;
}

SEC("xdp")
int vlan_pop(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	struct eth_hdr was;

	HEADER_OR_RETURN(struct eth_hdr, eth, data, end, XDP_ABORTED);
	if (!is_tag(eth->proto))
		return XDP_PASS;
	HEADER_OR_RETURN(struct vlan_hdr, tag, eth + 1, end, XDP_DROP);
	__builtin_memcpy(&was, eth, 12);
	was.proto = tag->proto;

	if (bpf_xdp_adjust_head(ctx, sizeof(struct vlan_hdr))) {
		failed++;
		return XDP_ABORTED;
	}
	data = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	eth = data;
	if ((void *)(eth + 1) > end)
		return XDP_ABORTED;
	__builtin_memcpy(eth, &was, sizeof(was));
	popped++;
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
