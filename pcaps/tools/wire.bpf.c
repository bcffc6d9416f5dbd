/*
 * What record.sh attaches to give a veth pair what this kernel's queueing disciplines and VLAN devices would:
 * loss, and 802.1Q/802.1ad tags. Only needed for recording.
 */
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define TC_ACT_OK 0
#define TC_ACT_SHOT 2

/* loses one frame in twelve, before tcpdump sees it */
SEC("xdp")
int loss(struct xdp_md *ctx)
{
	return bpf_get_prandom_u32() % 12 == 0 ? XDP_DROP : XDP_PASS;
}

SEC("tc/push")
int push(struct __sk_buff *skb)
{
	return bpf_skb_vlan_push(skb, bpf_htons(0x8100), 42) ? TC_ACT_SHOT : TC_ACT_OK;
}

SEC("tc/pop")
int pop(struct __sk_buff *skb)
{
	return bpf_skb_vlan_pop(skb) ? TC_ACT_SHOT : TC_ACT_OK;
}

SEC("tc/push_two")
int push_two(struct __sk_buff *skb)
{
	if (bpf_skb_vlan_push(skb, bpf_htons(0x8100), 42))
		return TC_ACT_SHOT;
	return bpf_skb_vlan_push(skb, bpf_htons(0x88a8), 100) ? TC_ACT_SHOT : TC_ACT_OK;
}

SEC("tc/pop_two")
int pop_two(struct __sk_buff *skb)
{
	if (bpf_skb_vlan_pop(skb))
		return TC_ACT_SHOT;
	return bpf_skb_vlan_pop(skb) ? TC_ACT_SHOT : TC_ACT_OK;
}

char LICENSE[] SEC("license") = "GPL";
