#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tempera {

// FNV-1a (the parameters of draft-eastlake-fnv): the same value on every machine and in every
// release, so it may be stored. For cache keys; not safe against someone who wants a collision.
uint64_t hash64(std::string_view bytes);
// The 128-bit variant as 32 lower-case hexadecimal digits, for names of files.
std::string hash128_hex(std::string_view bytes);

}  // namespace tempera
