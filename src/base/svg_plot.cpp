#include "base/svg_plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>

#include "base/html.h"

namespace tempera {
namespace {

constexpr double kLeft = 64, kRight = 16, kTop = 34, kBottom = 48;
constexpr double kLegendRow = 16, kMark = 4;
// Told apart by people with any colour vision: Okabe and Ito 2008.
constexpr std::array kColours = {"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"};

// From a value to pixels.
struct Scale {
  bool logarithmic;
  std::vector<double> ticks;
  double from, to;  // pixels of the first and the last tick

  double at(double value) const { return logarithmic ? std::log10(value) : value; }
  double operator()(double value) const {
    const double low = at(ticks.front()), high = at(ticks.back());
    return from + (at(value) - low) / (high - low) * (to - from);
  }
};

bool is_drawn(const Plot& plot, const PlotPoint& point) {
  return std::isfinite(point.x) && std::isfinite(point.y) && (!plot.x.logarithmic || point.x > 0) &&
         (!plot.y.logarithmic || point.y > 0);
}

Scale scale_of(const Plot& plot, bool is_x) {
  double low = INFINITY, high = -INFINITY;
  for (const PlotSeries& series : plot.series) {
    for (const PlotPoint& point : series.points) {
      if (!is_drawn(plot, point)) continue;
      low = std::min(low, is_x ? point.x : point.y);
      high = std::max(high, is_x ? point.x : point.y);
    }
  }
  if (low > high) low = 1, high = 2;
  const bool logarithmic = is_x ? plot.x.logarithmic : plot.y.logarithmic;
  const double right = plot.width - kRight, bottom = plot.height - kBottom;
  return {logarithmic, axis_ticks(low, high, logarithmic), is_x ? kLeft : bottom,
          is_x ? right : kTop};
}

std::string text_at(double x, double y, const char* anchor, const std::string& text) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\">{}</text>\n", x, y, anchor,
                     escape_html(text));
}

std::string line_from(double x1, double y1, double x2, double y2) {
  return fmt::format(
      "<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"var(--line)\"/>\n",
      x1, y1, x2, y2);
}

std::string grid(const Plot& plot, const Scale& x, const Scale& y) {
  std::string svg;
  for (const double tick : x.ticks) {
    svg += line_from(x(tick), y.from, x(tick), y.to);
    svg += text_at(x(tick), y.from + 16, "middle", fmt::format("{:.6g}", tick));
  }
  for (const double tick : y.ticks) {
    svg += line_from(x.from, y(tick), x.to, y(tick));
    svg += text_at(x.from - 6, y(tick) + 4, "end", fmt::format("{:.6g}", tick));
  }
  svg += text_at((x.from + x.to) / 2, plot.height - 8, "middle", plot.x.label);
  svg += fmt::format("<text transform=\"translate(14 {:.1f}) rotate(-90)\" text-anchor=\"middle\">",
                     (y.from + y.to) / 2);
  svg += escape_html(plot.y.label) + "</text>\n";
  return svg + text_at(x.from, 18, "start", plot.title);
}

std::string marks(const Plot& plot, const PlotSeries& series, const char* colour, const Scale& x,
                  const Scale& y) {
  std::string path, circles;
  for (const PlotPoint& point : series.points) {
    if (!is_drawn(plot, point)) continue;
    const double px = x(point.x), py = y(point.y);
    path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? "M" : " L", px, py);
    circles += fmt::format(
        "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{}\" fill=\"{}\"><title>{}</title></circle>\n", px,
        py, kMark, colour, escape_html(point.title.empty() ? point.label : point.title));
    const bool at_right = px > (x.from + x.to) / 2;
    if (!point.label.empty())
      circles += text_at(px + (at_right ? -7 : 7), py - 6, at_right ? "end" : "start", point.label);
  }
  std::string svg;
  if (series.line && !path.empty())
    svg += fmt::format("<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\"/>\n", path,
                       colour);
  return series.marks ? svg + circles : svg;
}

std::string legend(const Plot& plot, const Scale& x) {
  std::string svg;
  for (size_t i = 0; i < plot.series.size() && plot.series.size() > 1; ++i) {
    const double row = kTop + kLegendRow * (static_cast<double>(i) + 1);
    svg += fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"10\" height=\"10\" fill=\"{}\"/>\n",
                       x.to - 14, row - 9, kColours.at(i % kColours.size()));
    svg += text_at(x.to - 20, row, "end", plot.series[i].name);
  }
  return svg;
}

std::vector<double> powers_of_ten(double low, double high) {
  std::vector<double> result;
  const auto first = static_cast<int>(std::floor(std::log10(low)));
  const int last = std::max(first + 1, static_cast<int>(std::ceil(std::log10(high))));
  for (int power = first; power <= last; ++power) result.push_back(std::pow(10.0, power));
  return result;
}

// The smallest of 1, 2, 5 times a power of ten that is not below.
double round_up(double step) {
  const double power = std::pow(10.0, std::floor(std::log10(step)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (step <= factor * power * (1 + 1e-9)) return factor * power;
  return 10 * power;
}

}  // namespace

std::vector<double> axis_ticks(double low, double high, bool logarithmic, int count) {
  if (logarithmic) return powers_of_ten(low, high);
  if (high <= low) {
    const double half = std::max(std::abs(low) / 2, 0.5);
    low -= half;
    high += half;
  }
  const double step = round_up((high - low) / count);
  const double first = std::floor(low / step + 1e-9);
  std::vector<double> result;
  for (double i = first; result.empty() || result.back() < high - step * 1e-9; ++i)
    result.push_back(i * step);
  return result;
}

std::string svg_plot(const Plot& plot) {
  const Scale x = scale_of(plot, true), y = scale_of(plot, false);
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} "
      "{1}\" role=\"img\">\n",
      plot.width, plot.height);
  svg += grid(plot, x, y);
  for (size_t i = 0; i < plot.series.size(); ++i)
    svg += marks(plot, plot.series[i], kColours.at(i % kColours.size()), x, y);
  return svg + legend(plot, x) + "</svg>\n";
}

}  // namespace tempera
