//! The general pasteboard of macOS: the thin edge to `AppKit`.

use objc2::rc::{Retained, autoreleasepool};
use objc2::runtime::ProtocolObject;
use objc2::{ClassType, msg_send};
use objc2_app_kit::{
    NSPasteboard, NSPasteboardContentsOptions, NSPasteboardItem, NSPasteboardTypeString,
    NSPasteboardWriting,
};
use objc2_foundation::{NSArray, NSString, ns_string};

/// What is copied and pasted by the user of this session.
pub struct General(Retained<NSPasteboard>);

impl General {
    /// None outside of a session at the screen.
    pub fn find() -> Option<Self> {
        // Not `NSPasteboard::generalPasteboard`, which stops the program where there is none.
        // SAFETY: a method of that class without arguments, which returns such an object or nil.
        let found: Option<Retained<NSPasteboard>> =
            unsafe { msg_send![NSPasteboard::class(), generalPasteboard] };
        found.map(General)
    }

    /// The number of its content: each new one has another.
    pub fn number(&self) -> isize {
        self.0.changeCount()
    }

    /// Takes a text, marked as secret and for this Mac alone. Returns its number.
    ///
    /// # Errors
    /// Why it does not.
    pub fn put(&self, text: &str) -> Result<isize, String> {
        autoreleasepool(|_| {
            let item = NSPasteboardItem::new();
            // What histories leave out: nspasteboard.org.
            let marked = item
                .setString_forType(ns_string!(""), ns_string!("org.nspasteboard.ConcealedType"));
            // SAFETY: a constant of AppKit.
            let plain = unsafe { NSPasteboardTypeString };
            if !marked || !item.setString_forType(&NSString::from_str(text), plain) {
                return Err("macOS does not take it as a text".to_owned());
            }
            // Universal Clipboard would give it to all devices of the user.
            let here_only = NSPasteboardContentsOptions::CurrentHostOnly;
            let number = self.0.prepareForNewContentsWithOptions(here_only);
            let item: Retained<ProtocolObject<dyn NSPasteboardWriting>> =
                ProtocolObject::from_retained(item);
            // Both at once: none sees the text before its mark.
            if self.0.writeObjects(&NSArray::from_retained_slice(&[item])) {
                Ok(number)
            } else {
                Err("the pasteboard of macOS does not take it".to_owned())
            }
        })
    }

    pub fn clear(&self) {
        self.0.clearContents();
    }
}
