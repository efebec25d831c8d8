#include "diffusion/image/small_text.h"

#include <algorithm>

namespace tempera::diffusion {
namespace {

// Seven rows a character from ' ' to '~', each a digit of base 32, 0-9 and A-V: bit 4 is the left
// dot.
// clang-format off
constexpr std::string_view kRows =
    "0000000" "4444404" "AA00000" "AAVAVAA" "4FKE5U4" "OP248J3" "CIK8LID" "4480000"
    "2488842" "8422248" "04LEL40" "044V440" "0000448" "000V000" "00000CC" "11248GG"
    "EHJLPHE" "4C4444E" "EH1248V" "V2421HE" "26AIV22" "VGU11HE" "68GUHHE" "V124888"
    "EHHEHHE" "EHHF12C" "0CC0CC0" "0CC0C48" "248G842" "00V0V00" "8421248" "EH12404"
    "EH1DLLE" "EHHVHHH" "UHHUHHU" "EHGGGHE" "SIHHHIS" "VGGUGGV" "VGGUGGG" "EHGNHHF"
    "HHHVHHH" "E44444E" "72222IC" "HIKOKIH" "GGGGGGV" "HRLLHHH" "HHPLJHH" "EHHHHHE"
    "UHHUGGG" "EHHHLID" "UHHUKIH" "FGGE11U" "V444444" "HHHHHHE" "HHHHHA4" "HHHLLLA"
    "HHA4AHH" "HHHA444" "V1248GV" "E88888E" "GG84211" "E22222E" "4AH0000" "000000V"
    "8420000" "00E1FHF" "GGMPHHU" "00EGGHE" "11DJHHF" "00EHVGE" "698S888" "00FHF1E"
    "GGMPHHH" "40C444E" "20622IC" "GGIKOKI" "C44444E" "00QLLHH" "00MPHHH" "00EHHHE"
    "00UHUGG" "00DJF11" "00MPGGG" "00EGE1U" "88S8896" "00HHHJD" "00HHHA4" "00HHLLA"
    "00HA4AH" "00HHF1E" "00V248V" "2448442" "4444444" "8442448" "008L200";
// clang-format on
static_assert(kRows.size() == 7 * ('~' - ' ' + 1));

// Bytes of UTF-8 that begin no character.
bool continues(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

bool has_dot(char c, int64_t x, int64_t y) {
  const char shown = c >= ' ' && c <= '~' ? c : '?';
  const char digit = kRows[static_cast<size_t>((shown - ' ') * kDotsDown + y)];
  const int row = digit <= '9' ? digit - '0' : digit - 'A' + 10;
  return (row >> (4 - x) & 1) != 0;
}

void fill(Image& image, int64_t left, int64_t top, int64_t side) {
  for (int64_t y = std::max<int64_t>(top, 0); y < std::min(top + side, image.height); ++y)
    for (int64_t x = std::max<int64_t>(left, 0); x < std::min(left + side, image.width); ++x)
      std::fill_n(&image.pixels[static_cast<size_t>(3 * (y * image.width + x))], 3, uint8_t{0});
}

}  // namespace

int64_t text_width(std::string_view text, int64_t dot) {
  const auto characters = std::ranges::count_if(text, [](char c) { return !continues(c); });
  return characters == 0 ? 0 : (characters * kDotsAcross - 1) * dot;
}

std::string_view fitting_text(std::string_view text, int64_t width, int64_t dot) {
  while (text_width(text, dot) > width) {
    while (continues(text.back())) text.remove_suffix(1);
    text.remove_suffix(1);
  }
  return text;
}

void draw_text(Image& image, int64_t left, int64_t top, int64_t dot, std::string_view text) {
  for (const char c : text) {
    if (continues(c)) continue;
    for (int64_t y = 0; y < kDotsDown; ++y)
      for (int64_t x = 0; x + 1 < kDotsAcross; ++x)
        if (has_dot(c, x, y)) fill(image, left + x * dot, top + y * dot, dot);
    left += kDotsAcross * dot;
  }
}

}  // namespace tempera::diffusion
