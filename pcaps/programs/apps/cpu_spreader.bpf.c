/*
 * Spreads flows over CPUs by a hash that is the same for both directions, as
 * RSS by addresses alone does not: a cpumap, a table of the CPUs in use, and
 * priority for control traffic. Inner headers of tunnels are hashed.
 */
#include "app.h"

#define MAX_CPUS 64

struct {
	__uint(type, BPF_MAP_TYPE_CPUMAP);
	__type(key, __u32);
	__type(value, struct bpf_cpumap_val);
	__uint(max_entries, MAX_CPUS);
} cpus SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, __u32);
	__uint(max_entries, MAX_CPUS);
} in_use SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, __u64);
	__uint(max_entries, MAX_CPUS);
} sent_to SEC(".maps");

const volatile __u32 cpu_count = 4;
const volatile __u32 control_cpu = 0;
__u64 control, hashed, unhashed, inner;

static __always_inline int hash_ipv4(struct ipv4_hdr *ip, void *end, __u32 *hash)
{
	__u32 words[2] = { ip->src ^ ip->dst, ip->proto };

	if ((void *)(ip + 1) > end)
		return 0;
	if ((ip->proto == IPPROTO_TCP || ip->proto == IPPROTO_UDP) && !(ip->frag_off & bpf_htons(0x3fff))) {
		struct udp_hdr *l4 = (void *)(ip + 1);

		if ((void *)(l4 + 1) <= end)
			words[1] |= (__u32)(l4->src ^ l4->dst) << 8;
	}
	*hash = hash_words(words, 2, 0);
	return 1;
}

static __always_inline int classify(void *data, void *end, __u32 *hash)
{
	__be16 proto;
	__u16 vlan;
	int off = skip_eth(data, end, &proto, &vlan);

	if (off < 0)
		return 0;
	if (proto == bpf_htons(ETH_P_IP)) {
		HEADER_OR_RETURN(struct ipv4_hdr, ip, data + off, end, 0)

		if (ip->proto == IPPROTO_ICMP)
			return 2;
		if (ip->proto == IPPROTO_IPIP && ip->version_ihl == 0x45) {
			HEADER_OR_RETURN(struct ipv4_hdr, in, ip + 1, end, 0)

			__sync_fetch_and_add(&inner, 1);
			return hash_ipv4(in, end, hash);
		}
		return hash_ipv4(ip, end, hash);
	}
	if (proto == bpf_htons(ETH_P_IPV6)) {
		HEADER_OR_RETURN(struct ipv6_hdr, ip6, data + off, end, 0)
		__u32 words[4];

		if (ip6->next_hdr == IPPROTO_ICMPV6)
			return 2;
		for (int i = 0; i < 4; i++)
			words[i] = ip6->src[i] ^ ip6->dst[i];
		*hash = hash_words(words, 4, ip6->next_hdr);
		return 1;
	}
	return proto == bpf_htons(ETH_P_ARP) ? 2 : 0;
}

SEC("xdp")
int cpu_spreader(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u32 hash = 0, slot, cpu, *entry;
	int kind = classify(data, end, &hash);
	__u64 *count;

	if (kind == 2) {
		__sync_fetch_and_add(&control, 1);
		cpu = control_cpu;
	} else if (kind == 1 && cpu_count) {
		slot = (__u64)hash * cpu_count >> 32;
		entry = bpf_map_lookup_elem(&in_use, &slot);
		if (!entry)
			return XDP_ABORTED;
		cpu = *entry;
		__sync_fetch_and_add(&hashed, 1);
	} else {
		__sync_fetch_and_add(&unhashed, 1);
		return XDP_PASS;
	}
	count = bpf_map_lookup_elem(&sent_to, &cpu);
	if (count)
		++*count;
	return bpf_redirect_map(&cpus, cpu, XDP_PASS);
}

char LICENSE[] SEC("license") = "GPL";
