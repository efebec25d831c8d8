#include "base/html.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/svg_plot.h"

namespace tempera {
namespace {

size_t count(std::string_view text, std::string_view part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1))
    ++found;
  return found;
}

TEST(Html, TextCannotBecomeTags) {
  EXPECT_EQ(escape_html("<a href=\"x\">'&'</a>"),
            "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;");
  EXPECT_EQ(html_page("<script>", "").find("<script>"), std::string::npos);
}

TEST(AxisTicks, AreRoundAndHoldTheValues) {
  EXPECT_EQ(axis_ticks(0, 10), (std::vector<double>{0, 2, 4, 6, 8, 10}));
  EXPECT_EQ(axis_ticks(3, 997), (std::vector<double>{0, 200, 400, 600, 800, 1000}));
  EXPECT_EQ(axis_ticks(0.02, 30, true), (std::vector<double>{0.01, 0.1, 1, 10, 100}));
  for (const double only : {-4.0, 0.0, 1e9}) {
    const std::vector<double> ticks = axis_ticks(only, only);
    EXPECT_LT(ticks.front(), ticks.back());
    EXPECT_LE(ticks.front(), only);
    EXPECT_GE(ticks.back(), only);
  }
}

TEST(SvgPlot, DrawsEveryFinitePointAndNamesSeries) {
  Plot plot;
  plot.title = "a < b";
  plot.x.label = "time";
  plot.y = {.label = "dB", .logarithmic = true};
  plot.series.push_back({.name = "one"});
  for (const double y : {10.0, 100.0, double{INFINITY}, 0.0})
    plot.series[0].points.push_back({.x = 1, .y = y});
  plot.series.push_back({.name = "two", .line = false});
  plot.series[1].points.push_back({.x = 1, .y = 20, .label = "here"});
  const std::string svg = svg_plot(plot);
  EXPECT_EQ(count(svg, "<circle"), 3U);
  EXPECT_EQ(count(svg, "<path"), 1U);
  EXPECT_EQ(count(svg, "<text"), count(svg, "</text>"));
  for (const char* text : {"a &lt; b", ">time<", ">dB<", ">one<", ">two<", ">here<"})
    EXPECT_EQ(count(svg, text), text == std::string(">here<") ? 2U : 1U) << text;
  EXPECT_EQ(count(svg, "nan"), 0U);
  EXPECT_EQ(count(svg, "inf"), 0U);
}

TEST(SvgPlot, WithoutPointsIsStillAPlot) {
  EXPECT_TRUE(svg_plot({.title = "empty"}).ends_with("</svg>\n"));
}

}  // namespace
}  // namespace tempera
