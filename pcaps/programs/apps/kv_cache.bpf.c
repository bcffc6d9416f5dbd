/*
 * A cache in front of a key-value store (the text protocol of memcached over
 * UDP): hot keys are answered here by XDP_TX. A miss is counted and passed on; a
 * popular key is marked for user space to fill in. Keys are hashed by FNV-1a; an
 * entry has a spin lock, as user space writes it while packets read it.
 */
#include "app.h"

#define MAX_KEY 32
#define MAX_VALUE 48
#define PORT 11211
#define POPULAR 3

struct entry {
	struct bpf_spin_lock lock;
	__u32 length;
	__u32 hits;
	__u32 key_length;
	__u8 key[MAX_KEY];
	__u8 value[MAX_VALUE];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __u32);
	__type(value, struct entry);
	__uint(max_entries, 256);
} cache SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __u32);
	__type(value, __u32);
	__uint(max_entries, 1024);
} misses SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__type(value, __u32);
	__uint(max_entries, 64);
} wanted SEC(".maps");

enum event { EV_REQUEST, EV_HIT, EV_MISS, EV_COLLISION, EV_LONG_KEY, EV_WANTED, EV_QUEUE_FULL, EV_OTHER, EV_COUNT };
COUNTERS(events, enum event, EV_COUNT);

struct answer {
	__u8 value[MAX_VALUE];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct answer);
	__uint(max_entries, 1);
} answers SEC(".maps");

static __always_inline int same_key(const __u8 *a, const __u8 *b)
{
	int different = 0;

	for (int i = 0; i < MAX_KEY; i++)
		different |= a[i] ^ b[i];
	return !different;
}

static __always_inline int count_miss(__u32 hash)
{
	__u32 *count = bpf_map_lookup_elem(&misses, &hash), one = 1;

	count_in(&events, EV_MISS, 0);
	if (!count) {
		bpf_map_update_elem(&misses, &hash, &one, BPF_NOEXIST);
		return XDP_PASS;
	}
	if (__sync_fetch_and_add(count, 1) + 1 == POPULAR) {
		if (bpf_map_push_elem(&wanted, &hash, 0))
			count_in(&events, EV_QUEUE_FULL, 0);
		else
			count_in(&events, EV_WANTED, 0);
	}
	return XDP_PASS;
}

SEC("xdp")
int kv_cache(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	HEADER_OR_RETURN(struct eth_hdr, eth, data, end, XDP_PASS)
	HEADER_OR_RETURN(struct ipv4_hdr, ip, eth + 1, end, XDP_PASS)
	HEADER_OR_RETURN(struct udp_hdr, udp, ip + 1, end, XDP_PASS)
	__u8 *text = (void *)(udp + 1) + 8, key[MAX_KEY] = {};
	__u32 hash = 0x811c9dc5, length = 0, zero = 0, size;
	struct answer *answer;
	struct entry *entry;
	__be32 addr;
	__be16 port;
	int delta;

	if (eth->proto != bpf_htons(ETH_P_IP) || ip->version_ihl != 0x45 || ip->proto != IPPROTO_UDP)
		return XDP_PASS;
	if (udp->dst != bpf_htons(PORT))
		return XDP_PASS;
	if ((void *)(text + 4) > end || text[0] != 'g' || text[1] != 'e' || text[2] != 't' || text[3] != ' ') {
		count_in(&events, EV_OTHER, 0);
		return XDP_PASS;
	}
	count_in(&events, EV_REQUEST, end - data);
	for (int i = 0; i < MAX_KEY; i++) {
		if ((void *)(text + 4 + i + 1) > end)
			break;
		__u8 c = text[4 + i];

		if (c == '\r' || c == ' ' || c == '\n')
			break;
		key[i] = c;
		hash = (hash ^ c) * 0x01000193;
		length = i + 1;
	}
	if (length == 0 || length == MAX_KEY) {
		count_in(&events, EV_LONG_KEY, 0);
		return XDP_PASS;
	}
	entry = bpf_map_lookup_elem(&cache, &hash);
	if (!entry)
		return count_miss(hash);
	answer = bpf_map_lookup_elem(&answers, &zero);
	if (!answer)
		return XDP_PASS;
	bpf_spin_lock(&entry->lock);
	if (!same_key(entry->key, key)) {
		bpf_spin_unlock(&entry->lock);
		count_in(&events, EV_COLLISION, 0);
		return XDP_PASS;
	}
	entry->hits++;
	size = entry->length;
	__builtin_memcpy(answer->value, entry->value, MAX_VALUE);
	bpf_spin_unlock(&entry->lock);
	if (size == 0 || size > MAX_VALUE)
		return XDP_PASS;
	/* headers and the 8 bytes of the frame header stay, the answer follows */
	delta = (int)(14 + 20 + 8 + 8 + size) - (int)(end - data);
	if (bpf_xdp_adjust_tail(ctx, delta))
		return XDP_DROP;
	if (bpf_xdp_store_bytes(ctx, 14 + 20 + 8 + 8, answer->value, size))
		return XDP_ABORTED;
	data = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	eth = data;
	ip = (void *)(eth + 1);
	udp = (void *)(ip + 1);
	if ((void *)(udp + 1) > end)
		return XDP_ABORTED;
	swap_macs(eth);
	addr = ip->src;
	ip->src = ip->dst;
	ip->dst = addr;
	ip->total_len = bpf_htons(20 + 8 + 8 + size);
	ip->check = ipv4_csum(ip);
	port = udp->src;
	udp->src = udp->dst;
	udp->dst = port;
	udp->len = bpf_htons(8 + 8 + size);
	udp->check = 0;
	count_in(&events, EV_HIT, end - data);
	return XDP_TX;
}

char LICENSE[] SEC("license") = "GPL";
