#include "bench/plot.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/html.h"

namespace tempera::bench {
namespace {

constexpr double kWidth = 820, kLeft = 150, kRight = 90, kRow = 22, kGroupGap = 44;
constexpr const char* kOurs = "#0072b2";
constexpr const char* kTheirs = "#9a9aa0";

std::string text(double x, double y, const char* anchor, const std::string& words) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\">{}</text>\n", x, y, anchor,
                     escape_html(words));
}

std::string bar_svg(const Bar& bar, double y, double scale) {
  const double end = kLeft + bar.median * scale, middle = y + kRow / 2;
  std::string svg = text(kLeft - 8, middle + 4, "end", bar.engine);
  svg += fmt::format(
      "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" fill=\"{}\"/>\n", kLeft,
      y + 3, bar.median * scale, kRow - 6, bar.is_ours ? kOurs : kTheirs);
  svg += fmt::format(
      "<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"#222\"/>\n",
      kLeft + bar.min * scale, middle, kLeft + bar.max * scale, middle);
  const double longest = std::max(end, kLeft + bar.max * scale);
  return svg + text(longest + 6, middle + 4, "start", fmt::format("{:.3g} s", bar.median));
}

}  // namespace

std::string bar_plot(const std::string& title, const std::vector<BarGroup>& groups) {
  std::string svg = text(12, 26, "start", title);
  double y = 40;
  for (const BarGroup& group : groups) {
    double longest = 0;
    for (const Bar& bar : group.bars) longest = std::max(longest, bar.max);
    const double scale = longest > 0 ? (kWidth - kLeft - kRight) / longest : 0;
    svg += text(kLeft, y + 14, "start", group.title);
    y += kRow;
    for (const Bar& bar : group.bars) {
      svg += bar_svg(bar, y, scale);
      y += kRow;
    }
    y += kGroupGap - kRow;
  }
  return fmt::format(
             "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" "
             "viewBox=\"0 0 {0} {1}\" font-family=\"sans-serif\" font-size=\"13\">\n"
             "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
             kWidth, y) +
         svg + "</svg>\n";
}

}  // namespace tempera::bench
