#include "api/run/component.h"

#include <fmt/format.h>

namespace tempera::api {

namespace {

std::string text_of(const diffusion::TokenMerging& merging) {
  if (merging.ratio == 0) return "";
  return fmt::format("{} max_downsample {}{}{}", merging.ratio, merging.max_downsample,
                     merging.cross_attention ? " crossattn" : "", merging.mlp ? " mlp" : "");
}

std::string text_of(UnetPart part) {
  if (part == UnetPart::all) return "";
  return part == UnetPart::shallow ? "shallow" : "all with deep";
}

std::string text_of(VaePart part) {
  if (part == VaePart::all) return "";
  return part == VaePart::global ? "global" : "local";
}

}  // namespace

std::vector<std::pair<std::string, std::string>> options_of(const ComponentRequest& request) {
  return {{"clip_skip", request.clip_skip == 1 ? "" : std::to_string(request.clip_skip)},
          {"part", text_of(request.part) + text_of(request.vae_part)},
          {"repeat", request.repeat == 1 ? "" : std::to_string(request.repeat)},
          {"tiling", request.tiling ? "circular" : ""},
          {"token_merging", text_of(request.token_merging)}};
}

void name_outputs(CompiledComponent& component) {
  for (const runtime::PlanTensor& output : component.plan.outputs)
    component.outputs.emplace_back(output.name, static_cast<int>(component.outputs.size()));
}

// Greedy with one point to go back to: the last `*` seen.
bool glob_matches(std::string_view pattern, std::string_view text) {
  size_t p = 0, t = 0;
  size_t star = std::string_view::npos, star_text = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_text = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++star_text;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace tempera::api
