#include "api/run/prompt_text.h"

#include "api/run/text.h"
#include "diffusion/prompt/prompt_chunks.h"
#include "diffusion/prompt/prompt_parts.h"
#include "diffusion/prompt/schedule_grammar.h"

namespace tempera::api {
namespace {

constexpr int64_t kMostSteps = 1000;

struct Encoder {
  diffusion::Tokenizer tokenizer;
  int64_t length;  // of a chunk
};

Json runs_json(const std::vector<diffusion::WeightedText>& runs) {
  Json json = Json::array();
  for (const diffusion::WeightedText& run : runs)
    json.push_back({run.text, run.is_break ? -1.0 : run.weight});
  return json;
}

Json entry_json(const diffusion::ScheduledText& entry, const Encoder& encoder) {
  const auto runs = diffusion::parse_attention(entry.text);
  Json chunks = Json::array();
  for (const auto& chunk : diffusion::split_chunks(runs, encoder.tokenizer, encoder.length))
    chunks.push_back({{"ids", chunk.ids}, {"weights", chunk.weights}});
  return {{"last_step", entry.last_step},
          {"text", entry.text},
          {"runs", runs_json(runs)},
          {"chunks", std::move(chunks)}};
}

}  // namespace

Result<Json> describe_prompt(const std::string& folder, std::string_view text, int64_t steps) {
  if (steps < 1 || steps > kMostSteps)
    return error(ErrorCode::invalid_argument, "{} steps are not within 1 to {}", steps, kMostSteps);
  ASSIGN_OR_RETURN(diffusion::Tokenizer tokenizer, open_tokenizer(folder));
  ASSIGN_OR_RETURN(const int64_t length, padded_length(folder, tokenizer));
  const Encoder encoder{std::move(tokenizer), length};
  Json parts = Json::array();
  for (const diffusion::PromptPart& part : diffusion::split_prompt(text)) {
    Json schedule = Json::array();
    for (const auto& entry : diffusion::parse_schedule(part.text, steps))
      schedule.push_back(entry_json(entry, encoder));
    parts.push_back({{"weight", part.weight}, {"schedule", std::move(schedule)}});
  }
  return Json{{"steps", steps}, {"parts", std::move(parts)}};
}

}  // namespace tempera::api
