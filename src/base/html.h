#pragma once

#include <string>
#include <string_view>

namespace tempera {

// For text between tags and for quoted attribute values.
std::string escape_html(std::string_view text);

// A whole page that needs no other file: UTF-8, a plain style for text, tables (numbers to the
// right in cells of class "n") and figures, light or dark as the reader's system is. `body` is
// HTML; `style` is CSS after the page's own, which names its colours --ink, --faint, --line and
// --paper.
std::string html_page(std::string_view title, std::string_view body, std::string_view style = {});

}  // namespace tempera
