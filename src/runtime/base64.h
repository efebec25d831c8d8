#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tempera::runtime {

// RFC 4648, with padding.
std::string base64_encode(std::span<const std::byte> bytes);
// Nothing when the text is not exactly what base64_encode gives for some bytes.
std::optional<std::vector<std::byte>> base64_decode(std::string_view text);

}  // namespace tempera::runtime
