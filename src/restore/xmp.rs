//! Texts in an XMP packet (XMP Specification, part 1): XML in which Draw Things
//! and a few others keep their settings.

use quick_xml::Reader;
use quick_xml::events::Event;
use quick_xml::events::attributes::Attribute;

use crate::export::{PARAMETERS_KEYWORD, TextChunk};

/// Keyword of XMP in PNG (XMP Specification, part 3).
pub(super) const KEYWORD: &str = "XML:com.adobe.xmp";
/// Keyword for who made the picture.
pub(super) const CREATOR_TOOL: &str = "xmp:CreatorTool";

/// Properties that are read, and the keywords of their texts.
const PROPERTIES: [(&str, &str); 2] = [
    ("CreatorTool", CREATOR_TOOL),
    ("UserComment", PARAMETERS_KEYWORD),
];

/// The texts of the properties that are known, which stand as elements or as
/// attributes.
///
/// # Errors
/// What is wrong with the packet, in words.
pub(super) fn texts(packet: &str) -> Result<Vec<TextChunk>, String> {
    let mut reader = Reader::from_str(packet);
    let mut texts = Vec::new();
    // The property in work: its keyword, its depth, what it says so far.
    let mut open: Option<(&str, usize, String)> = None;
    let mut depth = 0usize;
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Start(element) => {
                depth += 1;
                for attribute in element.attributes().with_checks(false).flatten() {
                    texts.extend(of_attribute(&attribute));
                }
                let keyword = keyword(element.local_name().as_ref());
                if open.is_none() {
                    open = keyword.map(|keyword| (keyword, depth, String::new()));
                }
            }
            Event::Empty(element) => {
                for attribute in element.attributes().with_checks(false).flatten() {
                    texts.extend(of_attribute(&attribute));
                }
            }
            Event::Text(text) => {
                if let Some((_, _, said)) = &mut open {
                    said.push_str(&text.decode().map_err(|error| error.to_string())?);
                }
            }
            Event::CData(text) => {
                if let Some((_, _, said)) = &mut open {
                    said.push_str(&text.decode().map_err(|error| error.to_string())?);
                }
            }
            Event::GeneralRef(reference) => {
                if let Some((_, _, said)) = &mut open {
                    let name = reference.decode().map_err(|error| error.to_string())?;
                    let escaped = format!("&{name};");
                    let plain = quick_xml::escape::unescape(&escaped);
                    said.push_str(&plain.map_err(|error| error.to_string())?);
                }
            }
            Event::End(_) => {
                if let Some((keyword, _, said)) = open.take_if(|(_, own, _)| *own == depth) {
                    texts.push(TextChunk::new(keyword, said.trim().to_owned()));
                }
                depth = depth.saturating_sub(1);
            }
            Event::Eof => return Ok(texts),
            _ => {}
        }
    }
}

fn keyword(name: &[u8]) -> Option<&'static str> {
    let mut properties = PROPERTIES.iter();
    let found = properties.find(|(property, _)| property.as_bytes() == name)?;
    Some(found.1)
}

fn of_attribute(attribute: &Attribute) -> Option<TextChunk> {
    let keyword = keyword(attribute.key.local_name().as_ref())?;
    let raw = std::str::from_utf8(&attribute.value).ok()?;
    let text = quick_xml::escape::unescape(raw).ok()?;
    Some(TextChunk::new(keyword, text.into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(packet: &str) -> Vec<(String, String)> {
        let chunks = texts(packet).unwrap().into_iter();
        chunks.map(|chunk| (chunk.keyword, chunk.text)).collect()
    }

    #[test]
    fn elements_and_attributes_are_read() {
        let own = |text: &str| {
            [(CREATOR_TOOL, "Draw Things"), (PARAMETERS_KEYWORD, text)]
                .map(|(keyword, text)| (keyword.to_owned(), text.to_owned()))
        };
        let elements = "<?xpacket begin=''?><x:xmpmeta xmlns:x='a'><r:RDF><r:D>\
             <xmp:CreatorTool>Draw Things</xmp:CreatorTool><exif:UserComment><r:Alt>\
             <r:li xml:lang='x-default'>{&quot;c&quot;: &quot;a &lt;cat&gt; &amp; 猫&#33;&quot;}</r:li>\
             </r:Alt></exif:UserComment></r:D></r:RDF></x:xmpmeta><?xpacket end='w'?>";
        assert_eq!(read(elements), own("{\"c\": \"a <cat> & 猫!\"}"));
        let attributes =
            "<x><D xmp:CreatorTool=\"Draw Things\" exif:UserComment=\"a &quot;b&quot;\"/></x>";
        assert_eq!(read(attributes), own("a \"b\""));
        assert_eq!(read("<x:xmpmeta/>"), []);
        assert_eq!(read(""), []);
    }

    #[test]
    fn damaged_packets_are_errors_and_none_is_expanded_without_end() {
        for packet in [
            "<a><b></a>",
            "<a",
            "<exif:UserComment>&nothing;</exif:UserComment>",
        ] {
            assert!(texts(packet).is_err(), "{packet}");
        }
        // Entities that a document declares are not known, so nothing grows.
        let bomb = "<!DOCTYPE x [<!ENTITY a \"&b;&b;\">]><exif:UserComment>&a;</exif:UserComment>";
        assert!(texts(bomb).is_err());
    }
}
