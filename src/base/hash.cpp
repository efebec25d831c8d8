#include "base/hash.h"

#include <fmt/format.h>

namespace tempera {
namespace {

using Word128 = unsigned __int128;

template <typename Word>
Word fnv1a(std::string_view bytes, Word basis, Word prime) {
  Word hash = basis;
  for (char byte : bytes) hash = (hash ^ static_cast<uint8_t>(byte)) * prime;
  return hash;
}

constexpr Word128 wide(uint64_t high, uint64_t low) {
  return static_cast<Word128>(high) << 64 | low;
}

}  // namespace

uint64_t hash64(std::string_view bytes) {
  return fnv1a<uint64_t>(bytes, 0xcbf29ce484222325u, 0x100000001b3u);
}

std::string hash128_hex(std::string_view bytes) {
  const Word128 hash = fnv1a<Word128>(bytes, wide(0x6c62272e07bb0142u, 0x62b821756295c58du),
                                      wide(0x1000000u, 0x13bu));
  return fmt::format("{:016x}{:016x}", static_cast<uint64_t>(hash >> 64),
                     static_cast<uint64_t>(hash));
}

}  // namespace tempera
